# SPDX-License-Identifier: Apache-2.0
"""Spark's predict_batch_udf. The model goes to each Python worker as its path, and is loaded once there. Needs Java."""
import os
import sys

from pyspark.ml.functions import predict_batch_udf
from pyspark.sql import SparkSession
from pyspark.sql.types import IntegerType

import digits
import heddle


def main():
    labels, images = digits.read()
    model = heddle.load(digits.MODEL)

    def make_predict():  # once in each worker
        return lambda batch: model(batch).argmax(axis=1)

    classify = predict_batch_udf(make_predict, return_type=IntegerType(), batch_size=64, input_tensor_shapes=[[8, 8, 1]])
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    spark = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").getOrCreate()
    rows = [(int(label), image.ravel().tolist()) for label, image in zip(labels, images)]
    frame = spark.createDataFrame(rows, "label int, image array<float>").repartition(2)
    found = frame.select("label", classify("image")).collect()
    digits.report([row[0] for row in found], [row[1] for row in found])
    spark.stop()


if __name__ == "__main__":
    main()
