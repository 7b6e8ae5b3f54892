"""Records what PyTorch makes of the benchmark models: outputs, loss and gradients, in float64.

usage: record.py DLC MODEL...      (from the root of the repository)

The models are those of models.py; DLC is the dlc program. Weights and inputs are no files but a
formula of the parameter's name and the element's number, which agreement_test.go computes too. The result goes to bench/testdata/MODEL.json:
a few elements, the sum and the norm of every tensor. With --weights DIR the weights are also written as DIR/MODEL.safetensors.
"""
import json
import re
import struct
import subprocess
import sys
import zlib

import numpy as np
import torch
from torch import nn

from models import MODELS


def noise(name, count):
    """Numbers in [-1, 1) from a hash of the name and the element's number: multiples of 2^-23, exact in float32."""
    x = np.arange(count, dtype=np.uint32) * np.uint32(2654435761) ^ np.uint32(zlib.crc32(name.encode()))
    x ^= x >> np.uint32(16)
    x *= np.uint32(0x7FEB352D)
    x ^= x >> np.uint32(15)
    x *= np.uint32(0x846CA68B)
    x ^= x >> np.uint32(16)
    return (x >> np.uint32(8)).astype(np.float64) / 2**23 - 1


def start(name, shape):
    """The parameter of that name: weights small enough to keep activations in range, norms near the identity."""
    n = int(np.prod(shape)) if len(shape) else 1
    u = noise(name, n).reshape(shape)
    last = name.rsplit(".", 1)[-1]
    if last in ("scale", "variance"):
        return 1 + 0.25 * u
    if last in ("shift", "mean", "bias", "recurrent_bias"):
        return 0.125 * u
    fan_in = int(np.prod(shape[:-1])) if last != "recurrent_weight" else shape[-2]
    # A power of two, so that the product is exact.
    return u * 2.0 ** np.floor(np.log2(np.sqrt(3.0 / max(fan_in, 1))))


def parameters(dlc, model):
    """Name and shape of each parameter, in dlc's order."""
    text = subprocess.run([dlc, "ir", f"bench/models/{model}.dl"], check=True, capture_output=True, text=True).stdout
    return [(m[1], [int(d) for d in m[2].split(",") if d]) for m in re.finditer(r"^param @(\S+): f32\[([\d,]*)\]", text, re.M)]


def groups(params):
    """Parameters by the layer they belong to, in order."""
    out = []
    for name, shape in params:
        layer, last = name.rsplit(".", 1)
        if not out or out[-1][0] != layer:
            out.append((layer, {}))
        out[-1][1][last] = (name, shape)
    return out


def leaves(module):
    """The modules with parameters, in the order in which dlc's sources have their layers."""
    if isinstance(module, (nn.Conv2d, nn.Linear, nn.BatchNorm2d, nn.LayerNorm, nn.LSTM)):
        yield module
        return
    if hasattr(module, "qkv"):  # attention: one matrix in PyTorch, three in dlc
        yield module
        return
    for child in module.children():
        yield from leaves(child)


class Place:
    """Where a dlc parameter lies in a PyTorch model: how to write it, and how to read its gradient."""

    def __init__(self, tensors, to_torch, to_dlc):
        self.tensors, self.to_torch, self.to_dlc = tensors, to_torch, to_dlc

    def write(self, value):
        for t, part in zip(self.tensors, self.to_torch(torch.from_numpy(np.ascontiguousarray(value)))):
            with torch.no_grad():
                t.copy_(part)

    def gradient(self):
        if any(t.grad is None for t in self.tensors):
            return None
        return self.to_dlc([t.grad for t in self.tensors]).numpy()


def plain(t):
    return Place([t], lambda v: [v], lambda g: g[0])


def permuted(t, order):
    back = [order.index(i) for i in range(len(order))]
    return Place([t], lambda v: [v.permute(order)], lambda g: g[0].permute(back).contiguous())


def flattened(t, chw):
    """A dense layer behind flatten: PyTorch's features are channels first, dlc's channels last."""
    c, h, w = chw
    return Place([t], lambda v: [v.reshape(h, w, c, -1).permute(3, 2, 0, 1).reshape(t.shape)],
                 lambda g: g[0].reshape(-1, c, h, w).permute(2, 3, 1, 0).reshape(h * w * c, -1))


def side_by_side(ts, join):
    """Several PyTorch tensors that are one parameter."""
    return Place(ts, lambda v: join(v, None), lambda g: join(None, g))


def lstm(module, layer):
    def names(kind):
        return [getattr(module, f"{kind}_l{layer}{s}") for s in (("", "_reverse") if module.bidirectional else ("",))]

    def columns(v, g):
        return v.t().chunk(len(names("bias_ih")), 0) if g is None else torch.cat([x.t() for x in g], 1)

    def stacked(v, g):
        return [x.t() for x in v] if g is None else torch.stack([x.t() for x in g])

    def chain(v, g):
        return v.chunk(len(names("bias_ih"))) if g is None else torch.cat(list(g))

    return {"weight": side_by_side(names("weight_ih"), columns), "recurrent_weight": side_by_side(names("weight_hh"), stacked),
            "bias": side_by_side(names("bias_ih"), chain), "recurrent_bias": side_by_side(names("bias_hh"), chain)}


class Part(Place):
    """A third of the matrix and bias that PyTorch's attention makes queries, keys and values with."""

    def __init__(self, tensor, i):
        n = tensor.shape[0] // 3
        self.tensor, self.rows = tensor, slice(i * n, (i + 1) * n)

    def write(self, value):
        with torch.no_grad():
            self.tensor[self.rows] = torch.from_numpy(np.ascontiguousarray(value)).t() if value.ndim == 2 else torch.from_numpy(value)

    def gradient(self):
        g = self.tensor.grad[self.rows]
        return (g.t().contiguous() if g.ndim == 2 else g).numpy()


def places(module, flat):
    """The parameters of one PyTorch module by their dlc names, one dictionary for each dlc layer."""
    if hasattr(module, "qkv"):
        parts = [{"weight": Part(module.qkv.weight, i), "bias": Part(module.qkv.bias, i)} for i in range(3)]
        return parts + places(module.out, None)
    if isinstance(module, nn.LSTM):
        return [lstm(module, i) for i in range(module.num_layers)]
    if isinstance(module, nn.Conv2d):
        d = {"weight": permuted(module.weight, [3, 2, 0, 1])}
    elif isinstance(module, nn.Linear):
        d = {"weight": flattened(module.weight, flat) if flat else permuted(module.weight, [1, 0])}
    else:
        d = {"scale": plain(module.weight), "shift": plain(module.bias)}
        if isinstance(module, nn.BatchNorm2d):
            d["mean"], d["variance"] = plain(module.running_mean), plain(module.running_var)
        return [d]
    if module.bias is not None:
        d["bias"] = plain(module.bias)
    return [d]


# What stands before the first dense layer behind a flatten: channels, height, width.
FLAT = {"lenet": (20, 4, 4), "cifarnet": (64, 4, 4)}


def mapping(name, model, dlc):
    flat, out = FLAT.get(name), []
    for m in leaves(model):
        use = flat if isinstance(m, nn.Linear) else None
        out += places(m, use)
        if use:
            flat = None
    layers = groups(dlc)
    assert len(out) == len(layers), f"{name}: {len(out)} layers in PyTorch, {len(layers)} in dlc"
    result = {}
    for where, (layer, params) in zip(out, layers):
        assert sorted(where) == sorted(params), f"{name}: {layer} has {sorted(params)}, PyTorch {sorted(where)}"
        for last, (full, shape) in params.items():
            result[full] = (where[last], shape)
    return result


# How many times, and by how much, all parameters are moved to see what a rounding does: about what float32 loses in a long sum.
SHAKES, SHAKE = 4, 1e-6


def summary(x, others):
    """A few elements, the sum and the norm of a tensor, and how far others are from it, which ran in float32 or with parameters that a rounding moved: a
    deep network under batch normalization magnifies rounding, and a unit that lies at its kink goes over to the other side."""
    x = np.asarray(x, dtype=np.float64).reshape(-1)
    others = [np.asarray(v, dtype=np.float64).reshape(-1) for v in others]
    at = np.linspace(0, len(x) - 1, min(len(x), 24)).astype(int)
    short = lambda v: float(f"{v:.9g}")
    return {"at": at.tolist(), "values": [short(v) for v in x[at]], "sum": short(x.sum()), "norm": short(np.sqrt((x * x).sum())),
            "rounded": {"element": short(max(np.abs(x - v).max() for v in others)), "sum": short(max(abs(x.sum() - v.sum()) for v in others))}}


def save(path, tensors):
    head, data = {}, b""
    for name, x in tensors.items():
        raw = np.asarray(x, dtype="<f4").tobytes()
        head[name] = {"dtype": "F32", "shape": list(x.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(head).encode()
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + data)


def run(constructor, kind, name, shape, classes, params, shake=0):
    """Logits, loss and gradients of one model in one precision, with parameters that were moved where shake is not 0."""
    torch.manual_seed(0)
    model = constructor().to(kind)
    for m in model.modules():
        if isinstance(m, nn.Dropout):
            m.p = 0.0  # its random numbers are each system's own
    where = mapping(name, model, params)
    values = {n: start(n, s) for n, (_, s) in where.items()}
    for n, (place, s) in where.items():
        moved = SHAKE * noise(f"{n} {shake}", max(1, int(np.prod(s)))).reshape(s) if shake else 0
        place.write(values[n] * (1 + moved))
    batch = 2
    # dlc has channels last.
    mine = (shape[1], shape[2], shape[0]) if len(shape) == 3 else shape
    x = torch.from_numpy(noise("input", batch * int(np.prod(shape))).reshape(batch, *mine)).to(kind)
    if len(shape) == 3:
        x = x.permute(0, 3, 1, 2).contiguous()
    y = torch.tensor([(7 * i + 3) % classes for i in range(batch)])
    model.eval()
    with torch.no_grad():
        logits = model(x).numpy()
    model.train()
    loss = nn.functional.cross_entropy(model(x), y)
    loss.backward()
    gradients = {n: place.gradient() for n, (place, _) in where.items()}
    return batch, logits, loss.item(), {n: g for n, g in gradients.items() if g is not None}, values


def record(dlc, name, weights):
    constructor, shape, classes = MODELS[name]
    params = parameters(dlc, name)
    batch, logits, loss, gradients, values = run(constructor, torch.float64, name, shape, classes, params)
    others = [run(constructor, torch.float32, name, shape, classes, params)]
    others += [run(constructor, torch.float64, name, shape, classes, params, i) for i in range(1, SHAKES + 1)]
    out = {"torch": torch.__version__, "batch": batch, "loss": float(f"{loss:.9g}"), "logits": summary(logits, [o[1] for o in others]),
           "gradients": {n: summary(g, [o[3][n] for o in others]) for n, g in gradients.items()}}
    with open(f"bench/testdata/{name}.json", "w") as f:
        json.dump(out, f, indent=0)
        f.write("\n")
    if weights:
        save(f"{weights}/{name}.safetensors", values)
    print(name, "loss", loss, len(values), "parameters")


def main():
    args = sys.argv[1:]
    weights = None
    if "--weights" in args:
        i = args.index("--weights")
        weights = args[i + 1]
        del args[i:i + 2]
    for name in args[1:] or MODELS:
        record(args[0], name, weights)


main()
