# SPDX-License-Identifier: Apache-2.0
"""joblib's processes (loky), as scikit-learn programs use them."""
import joblib
import numpy as np

import digits
import heddle


def classify(model, batch):
    return model(batch).argmax(axis=1)


def main():
    labels, images = digits.read()
    model = heddle.load(digits.MODEL)
    batches = np.array_split(images, 8)
    found = joblib.Parallel(n_jobs=2)(joblib.delayed(classify)(model, batch) for batch in batches)
    digits.report(labels, np.concatenate(found))


if __name__ == "__main__":
    main()
