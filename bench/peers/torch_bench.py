"""Times PyTorch on the networks of models.py.

usage: torch_bench.py infer|train THREADS [MODEL...]

Prints a JSON object a measurement: the median milliseconds of a call for batches of 1 and 32, by the faster of the model as it is and as TorchScript freezes it;
or of a training step for a batch of 64: forward, cross-entropy, backward, Adam.
"""
import json
import statistics
import sys
import time

import torch
from torch import nn

from models import MODELS

SECONDS, LEAST, WARM = 2.0, 5, 3


def median_ms(call):
    for _ in range(WARM):
        call()
    times, end = [], time.perf_counter() + SECONDS
    while len(times) < LEAST or time.perf_counter() < end:
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return 1e3 * statistics.median(times)


def infer(model, x, _):
    model.eval()
    with torch.inference_mode():
        frozen = torch.jit.freeze(torch.jit.trace(model, x))
        return min(median_ms(lambda: model(x)), median_ms(lambda: frozen(x)))


def train(model, x, y):
    model.train()
    loss, optimizer = nn.CrossEntropyLoss(), torch.optim.Adam(model.parameters(), lr=0.001)

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss(model(x), y).backward()
        optimizer.step()

    return median_ms(step)


MODES = {"infer": (infer, (1, 32)), "train": (train, (64,))}


def main():
    mode, threads = sys.argv[1], int(sys.argv[2])
    torch.set_num_threads(threads)
    measure, batches = MODES[mode]
    for name in sys.argv[3:] or MODELS:
        constructor, shape, classes = MODELS[name]
        for batch in batches:
            torch.manual_seed(0)
            ms = measure(constructor(), torch.randn(batch, *shape), torch.randint(classes, (batch,)))
            print(json.dumps({"peer": "torch-" + torch.__version__, "mode": mode, "model": name, "batch": batch, "threads": threads, "ms": round(ms, 5)}), flush=True)


main()
