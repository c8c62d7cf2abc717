# SPDX-License-Identifier: Apache-2.0
"""Ray actors, each with the model that it was made with, and batches that go to whichever is free."""
import os
import sys

import numpy as np
import ray
from ray.util import ActorPool

import digits
import heddle


@ray.remote
class Classifier:
    def __init__(self, model):
        self.model = model

    def classify(self, batch):  # Ray's arrays are read-only: they are read where they are
        return self.model(batch).argmax(axis=1)


def main():
    labels, images = digits.read()
    model = heddle.load(digits.MODEL)
    paths = {"env_vars": {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}}  # the actors import digits.py, too
    ray.init(num_cpus=2, include_dashboard=False, runtime_env=paths)
    pool = ActorPool([Classifier.remote(model) for _ in range(2)])
    found = list(pool.map(lambda actor, batch: actor.classify.remote(batch), np.array_split(images, 8)))
    digits.report(labels, np.concatenate(found))


if __name__ == "__main__":
    main()
