"""Records how losses fall under PyTorch's optimizers, for internal/driver/testdata/curves.json:

    python3 bench/peers/curves.py > internal/driver/testdata/curves.json

The network is 8 -> 16 tanh -> 4 with cross entropy, on 32 fixed examples that are gone through in order in batches of 8. Every
case starts from the same weights and takes 200 steps; its losses are those of the batches, before each step."""
import json
import random
import sys

import torch

STEPS, BATCH = 200, 8
random.seed(7)
torch.manual_seed(7)


def numbers(n, scale):
    """Values that single precision holds exactly."""
    return [round(random.uniform(-scale, scale) * 1024) / 1024 for _ in range(n)]


inputs = numbers(32 * 8, 2)
weights = {"hidden.dense.weight": numbers(8 * 16, 0.6), "hidden.dense.bias": numbers(16, 0.1),
           "out.dense.weight": numbers(16 * 4, 0.6), "out.dense.bias": numbers(4, 0.1)}
shapes = {"hidden.dense.weight": (8, 16), "hidden.dense.bias": (16,), "out.dense.weight": (16, 4), "out.dense.bias": (4,)}
x = torch.tensor(inputs).reshape(32, 8)
labels = [int(i) for i in torch.argmax(x[:, :4] + x[:, 4:] * torch.roll(x[:, :4], 1, 1), 1)]
y = torch.tensor(labels)
O = torch.optim

# The optimizer in dlc's language, further settings, PyTorch's, and what is done to the gradients before a step.
cases = [
    ("gd(lr=0.1)", "", lambda p: O.SGD(p, 0.1)),
    ("sgd(lr=0.1)", "", lambda p: O.SGD(p, 0.1)),
    ("sgd(lr=0.05, momentum=0.9)", "", lambda p: O.SGD(p, 0.05, momentum=0.9)),
    ("sgd(lr=0.05, momentum=0.9, nesterov=true)", "", lambda p: O.SGD(p, 0.05, momentum=0.9, nesterov=True)),
    ("sgd(lr=0.1, momentum=0.8, dampening=0.5, weight_decay=0.01)", "", lambda p: O.SGD(p, 0.1, momentum=0.8, dampening=0.5, weight_decay=0.01)),
    ("adam(lr=0.005)", "", lambda p: O.Adam(p, 0.005)),
    ("adam(lr=0.005, beta1=0.8, beta2=0.99, eps=1e-6, weight_decay=0.01)", "", lambda p: O.Adam(p, 0.005, (0.8, 0.99), 1e-6, 0.01)),
    ("adamw(lr=0.005)", "", lambda p: O.AdamW(p, 0.005)),
    ("amsgrad(lr=0.005)", "", lambda p: O.Adam(p, 0.005, amsgrad=True)),
    ("nadam(lr=0.003)", "", lambda p: O.NAdam(p, 0.003)),
    ("radam(lr=0.005)", "", lambda p: O.RAdam(p, 0.005)),
    ("rmsprop(lr=0.002)", "", lambda p: O.RMSprop(p, 0.002)),
    ("rmsprop(lr=0.001, alpha=0.9, momentum=0.8, centered=true)", "", lambda p: O.RMSprop(p, 0.001, alpha=0.9, momentum=0.8, centered=True)),
    ("adagrad(lr=0.05)", "", lambda p: O.Adagrad(p, 0.05)),
    ("adagrad(lr=0.05, rate_decay=0.01, initial=0.1)", "", lambda p: O.Adagrad(p, 0.05, lr_decay=0.01, initial_accumulator_value=0.1)),
    ("adadelta()", "", lambda p: O.Adadelta(p)),
    ("sgd(lr=0.1, momentum=0.9, clip_norm=0.5)", "", lambda p: O.SGD(p, 0.1, momentum=0.9), {"norm": 0.5}),
    ("sgd(lr=0.1, clip_value=0.02)", "", lambda p: O.SGD(p, 0.1), {"value": 0.02}),
    ("adam(lr=0.01)", "accumulate = 4", lambda p: O.Adam(p, 0.01), {"accumulate": 4}),
    ("adamw(lr=0.01)", 'parameters = [rate("hidden.*", 0.1), decay("*.weight", 0.5), freeze("out.dense.bias")]',
     lambda p: O.AdamW([{"params": [p[0]], "lr": 0.001, "weight_decay": 0.5}, {"params": [p[1]], "lr": 0.001},
                        {"params": [p[2]], "lr": 0.01, "weight_decay": 0.5}], 0.01)),
]


def curve(make, extra):
    p = [torch.tensor(weights[n]).reshape(shapes[n]).requires_grad_() for n in weights]
    opt, every, losses = make(p), extra.get("accumulate", 1), []
    for step in range(STEPS):
        at = step * BATCH % 32
        hidden = torch.tanh(x[at:at + BATCH] @ p[0] + p[1])
        loss = torch.nn.functional.cross_entropy(hidden @ p[2] + p[3], y[at:at + BATCH])
        losses.append(float("%.8g" % loss.item()))
        (loss / every).backward()
        if (step + 1) % every:
            continue
        if "norm" in extra:
            torch.nn.utils.clip_grad_norm_(p, extra["norm"])
        if "value" in extra:
            torch.nn.utils.clip_grad_value_(p, extra["value"])
        opt.step()
        for w in p:
            w.grad = None
    return losses


out = {"torch": torch.__version__, "inputs": inputs, "labels": labels, "weights": weights, "cases": []}
rows = []
for c in cases:
    losses = curve(c[2], c[3] if len(c) > 3 else {})
    print(c[0], losses[0], losses[-1], file=sys.stderr)
    rows.append(json.dumps({"optimizer": c[0], "settings": c[1], "losses": losses}))
head = json.dumps(out)
print(head[:head.rindex("[]")] + "[\n" + ",\n".join(rows) + "\n]}")
