# SPDX-License-Identifier: Apache-2.0
"""The recipes of docs/python_recipes.md, before and after.  recipes.py [MODEL] [--keras] [--write]

Before: what programs do with a predictor that only one thread may use at a time: LiteRT's interpreter, or with --keras
(where TensorFlow is installed) the predict() of the Keras model that MODEL is then converted from, a MobileNet of random
weights. After: the recipe with Heddle's model. Prints images a second, medians of rounds that take turns; --write also
puts the table into the page, between its markers.
"""
import argparse
import os
import pathlib
import queue
import statistics
import tempfile
import threading
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from ai_edge_litert.interpreter import Interpreter

import heddle

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs/python_recipes.md"
DIGITS = pathlib.Path(__file__).resolve().parents[2] / "tests/models/digits_f32.tflite"
THREADS, BATCH = 8, 16


# --- several threads calling predict ---

def threads_before(predict, files):
    lock = threading.Lock()

    def call(image):
        with lock:
            return predict(image)

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(call, files.images))


def threads_after(model, files):
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(model, files.images))


# --- a queue with back-pressure, and an orderly end ---

def through_a_queue(predict, images, workers):
    def serve():
        while (item := waiting.get()) is not None:
            number, image = item
            answered[number] = predict(image)
            waiting.task_done()
        waiting.task_done()

    waiting, answered = queue.Queue(maxsize=16), {}
    threads = [threading.Thread(target=serve) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for item in enumerate(images):
        waiting.put(item)
    for _ in threads:
        waiting.put(None)
    waiting.join()
    return [answered[k] for k in range(len(images))]


def queue_before(predict, files):
    return through_a_queue(predict, files.images, 1)  # the thread that owns the interpreter


def queue_after(model, files):
    return through_a_queue(model, files.images, THREADS)


# --- producer threads that read files ---

def bounded(pool, function, items, in_flight):
    pending = deque()
    for item in items:
        if len(pending) == in_flight:
            yield pending.popleft().result()
        pending.append(pool.submit(function, item))
    while pending:
        yield pending.popleft().result()


def producers_before(predict, files):
    with ThreadPoolExecutor(THREADS) as readers:
        return [predict(image) for image in bounded(readers, np.load, files.paths, 16)]


def producers_after(model, files):
    with ThreadPoolExecutor(THREADS) as readers:  # each runs what it has read
        return list(bounded(readers, lambda path: model(np.load(path)), files.paths, 16))


# --- batches, the next one read while one runs ---

def batches_before(predict, files):
    with ThreadPoolExecutor(1) as reader:
        return [predict(batch) for batch in bounded(reader, files.batch, files.starts, 2)]


def batches_after(model, files):
    return list(model.map(map(files.batch, files.starts), max_in_flight=2))


RECIPES = {
    "several threads calling predict": (threads_before, threads_after),
    "a queue with back-pressure and a join": (queue_before, queue_after),
    "producer threads that read files": (producers_before, producers_after),
    f"batches of {BATCH}, read ahead": (batches_before, batches_after),
}


class Files:
    """Images, in memory and as files of a folder."""

    def __init__(self, folder, shape, dtype, count):
        rng = np.random.default_rng(1)
        self.images = [rng.random((1, *shape)).astype(dtype) for _ in range(count)]
        self.paths = [os.path.join(folder, f"{k}.npy") for k in range(count)]
        self.starts = range(0, count, BATCH)
        for path, image in zip(self.paths, self.images):
            np.save(path, image)

    def batch(self, start):
        return np.concatenate([np.load(path) for path in self.paths[start:start + BATCH]])


def litert_predict(content):
    interpreter = Interpreter(model_content=content, num_threads=os.cpu_count())
    source, sink = (details[0]["index"] for details in (interpreter.get_input_details(), interpreter.get_output_details()))
    shape = None

    def predict(images):
        nonlocal shape
        if images.shape != shape:
            shape = images.shape
            interpreter.resize_tensor_input(source, shape)
            interpreter.allocate_tensors()
        interpreter.set_tensor(source, images)
        interpreter.invoke()
        return interpreter.get_tensor(sink)

    return predict


def of_keras():
    """(predict, the same model converted)"""
    import tensorflow as tf
    model = tf.keras.applications.MobileNet(input_shape=(128, 128, 3), alpha=0.25, weights=None)
    return lambda images: model.predict(images, verbose=0), tf.lite.TFLiteConverter.from_keras_model(model).convert()


def per_second(recipe, predict, files):
    start = time.perf_counter()
    answers = recipe(predict, files)
    return len(files.images) / (time.perf_counter() - start), np.concatenate(answers)


def measure(recipes, predictors, model, files, rounds):
    """Medians by name; the recipes' answers are held against each other."""
    before, after = recipes
    cells = {**{name: (before, predict) for name, predict in predictors.items()}, "Heddle": (after, model)}
    rates, answers = {name: [] for name in cells}, {}
    for k in range(rounds + 1):  # the first warms up
        for name, (recipe, predict) in cells.items():
            rate, answers[name] = per_second(recipe, predict, files)
            if k > 0:
                rates[name].append(rate)
    for name in predictors:
        np.testing.assert_allclose(answers[name], answers["Heddle"], rtol=1e-3, atol=1e-3)
    return {name: statistics.median(found) for name, found in rates.items()}


def write(table):
    before, _, rest = PAGE.read_text().partition("<!-- measured -->\n")
    _, _, after = rest.partition("<!-- end -->")
    PAGE.write_text(f"{before}<!-- measured -->\n{table}\n<!-- end -->{after}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", default=DIGITS, help="of one image input of floats; the digits of the tests")
    parser.add_argument("--keras", action="store_true")
    parser.add_argument("--images", type=int, default=320)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    predictors = {}
    content = pathlib.Path(options.model).read_bytes()
    if options.keras:
        predictors["Keras"], content = of_keras()
    predictors["LiteRT"] = litert_predict(content)
    model = heddle.load(content)
    name = "a MobileNet of Keras, 0.25, 128x128" if options.keras else pathlib.Path(options.model).name
    names = [*predictors, "Heddle"]
    lines = [f"{name}, images a second, {len(os.sched_getaffinity(0))} cores:", "",
             "| recipe | " + " | ".join([*(f"before, with {n}" for n in predictors), "with Heddle"]) + " |",
             "|---|" + "---:|" * len(names)]
    with tempfile.TemporaryDirectory() as folder:
        files = Files(folder, [n or 1 for n in model.inputs[0].shape[1:]], model.inputs[0].dtype, options.images)
        for recipe, pair in RECIPES.items():
            found = measure(pair, predictors, model, files, options.rounds)
            lines.append(f"| {recipe} | " + " | ".join(f"{found[n]:.0f}" for n in names) + " |")
            print(lines[-1], flush=True)
    print("\n".join(lines))
    if options.write:
        write("\n".join(lines))


if __name__ == "__main__":
    main()
