# SPDX-License-Identifier: Apache-2.0
"""dask tasks. With its threads they share one model object; with its processes each loads the file once."""
import dask
import numpy as np

import digits
import heddle


@dask.delayed
def classify(model, batch):
    return model(batch).argmax(axis=1)


def main():
    labels, images = digits.read()
    model = dask.delayed(heddle.load(digits.MODEL), pure=True)
    tasks = [classify(model, batch) for batch in np.array_split(images, 8)]
    for scheduler in "threads", "processes":
        digits.report(labels, np.concatenate(dask.compute(*tasks, scheduler=scheduler)))


if __name__ == "__main__":
    main()
