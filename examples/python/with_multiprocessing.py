# SPDX-License-Identifier: Apache-2.0
"""Worker processes of the standard library: the model goes along as its path and hash, and is loaded once in each."""
import multiprocessing

import digits
import heddle


def classify(job):
    model, image = job
    return int(model(image[None]).argmax())


def main():
    labels, images = digits.read()
    model = heddle.load(digits.MODEL)
    with multiprocessing.get_context("forkserver").Pool(2) as pool:  # fork and spawn do as well
        found = pool.map(classify, [(model, image) for image in images], chunksize=30)
    digits.report(labels, found)


if __name__ == "__main__":
    main()
