"""The networks of bench/models in PyTorch, layer for layer, with images in PyTorch's own order, channels first.

usage: models.py FOLDER [MODEL...]      writes FOLDER/MODEL-bBATCH.onnx for batches of 1 and 32, weights inside
"""
import sys
from pathlib import Path

import torch
from torch import nn


class Sum(nn.Module):
    """Adds what two ways make of the same input, and applies what comes after."""

    def __init__(self, body, short=None, after=None):
        super().__init__()
        self.body, self.short, self.after = body, short or nn.Identity(), after or nn.Identity()

    def forward(self, x):
        return self.after(self.body(x) + self.short(x))


def conv(source, filters, kernel, stride=1, border=0, groups=1, act=None):
    """A convolution without a bias, its batch norm and an activation."""
    layers = [nn.Conv2d(source, filters, kernel, stride, border, groups=groups, bias=False), nn.BatchNorm2d(filters)]
    return nn.Sequential(*layers, *([act()] if act else []))


def classifier(features, classes):
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(features, classes))


def mlp():
    return nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 256), nn.ReLU(), nn.Linear(256, 10))


def lenet():
    stages = [layer for a, b in ((1, 10), (10, 20)) for layer in (nn.Conv2d(a, b, 5), nn.ReLU(), nn.MaxPool2d(2))]
    return nn.Sequential(*stages, nn.Flatten(), nn.Linear(320, 50), nn.ReLU(), nn.Linear(50, 10))


def cifarnet():
    stages = [layer for a, b in ((3, 32), (32, 64)) for layer in (nn.Conv2d(a, b, 3), nn.ReLU(), nn.MaxPool2d(2))]
    return nn.Sequential(*stages, nn.Conv2d(64, 64, 3), nn.ReLU(), nn.Flatten(), nn.Linear(1024, 64), nn.ReLU(), nn.Dropout(0.5), nn.Linear(64, 10))


def residual(source, filters, stride):
    """Two 3x3 convolutions beside the identity, or beside a 1x1 convolution where the shape changes."""
    body = nn.Sequential(conv(source, filters, 3, stride, 1, act=nn.ReLU), conv(filters, filters, 3, 1, 1))
    return Sum(body, None if stride == 1 and source == filters else conv(source, filters, 1, stride), nn.ReLU())


def residuals(widths, depth):
    """Stages of that many blocks each; every stage but the first halves the picture."""
    source = widths[0]
    for i, filters in enumerate(widths):
        for k in range(depth):
            yield residual(source, filters, 2 if i > 0 and k == 0 else 1)
            source = filters


def resnet20():
    return nn.Sequential(conv(3, 16, 3, 1, 1, act=nn.ReLU), *residuals([16, 32, 64], 3), classifier(64, 10))


def resnet18():
    return nn.Sequential(conv(3, 64, 7, 2, 3, act=nn.ReLU), nn.MaxPool2d(3, 2, 1), *residuals([64, 128, 256, 512], 2), classifier(512, 1000))


def inverted(source, filters, stride, widen):
    """Wide depthwise convolutions between narrow 1x1 ones."""
    wide = widen * source
    body = [conv(source, wide, 1, act=nn.ReLU6)] if widen > 1 else []
    body += [conv(wide, wide, 3, stride, 1, wide, nn.ReLU6), conv(wide, filters, 1)]
    return Sum(nn.Sequential(*body)) if stride == 1 and source == filters else nn.Sequential(*body)


def mobilenetv2():
    layers, source = [conv(3, 32, 3, 2, 1, act=nn.ReLU6)], 32
    # filters, how many blocks, the first one's stride, how much wider the depthwise convolutions are
    for filters, blocks, stride, widen in ((16, 1, 1, 1), (24, 2, 2, 6), (32, 3, 2, 6), (64, 4, 2, 6), (96, 3, 1, 6), (160, 3, 2, 6), (320, 1, 1, 6)):
        for k in range(blocks):
            layers.append(inverted(source, filters, stride if k == 0 else 1, widen))
            source = filters
    return nn.Sequential(*layers, conv(source, 1280, 1, act=nn.ReLU6), classifier(1280, 1000))


class SpeechNet(nn.Module):
    """Two bidirectional LSTMs; the classes follow from the last step of each direction."""

    def __init__(self, units=128):
        super().__init__()
        self.lstm = nn.LSTM(13, units, num_layers=2, batch_first=True, bidirectional=True)
        self.logits = nn.Linear(2 * units, 10)

    def forward(self, x):
        _, (last, _) = self.lstm(x)
        return self.logits(torch.cat([last[-2], last[-1]], dim=1))


class Attention(nn.Module):
    """Self-attention whose queries, keys and values come from one matrix product."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads, self.qkv, self.out = heads, nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x):
        batch, places, width = x.shape
        split = (batch, places, self.heads, width // self.heads)
        q, k, v = (part.reshape(split).transpose(1, 2) for part in self.qkv(x).chunk(3, dim=-1))
        shares = torch.softmax(torch.matmul(q, k.transpose(2, 3)) / split[-1] ** 0.5, dim=-1)
        return self.out(torch.matmul(shares, v).transpose(1, 2).reshape(batch, places, width))


class Mean(nn.Module):
    def forward(self, x):
        return x.mean(dim=1)


def transformer(width=256, heads=8, depth=4):
    def layer():
        attend = nn.Sequential(nn.LayerNorm(width), Attention(width, heads))
        feed = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        return [Sum(attend), Sum(feed)]

    return nn.Sequential(nn.Linear(64, width), *[part for _ in range(depth) for part in layer()], nn.LayerNorm(width), Mean(), nn.Linear(width, 10))


# What makes each network, the shape of one example, and the number of classes.
MODELS = {
    "mlp": (mlp, (784,), 10),
    "lenet": (lenet, (1, 28, 28), 10),
    "cifarnet": (cifarnet, (3, 32, 32), 10),
    "resnet20": (resnet20, (3, 32, 32), 10),
    "speechnet": (SpeechNet, (100, 13), 10),
    "transformer": (transformer, (128, 64), 10),
    "mobilenetv2": (mobilenetv2, (3, 224, 224), 1000),
    "resnet18": (resnet18, (3, 224, 224), 1000),
}


def settled(model, shape):
    """The network with the statistics of its batch norms taken from some data. Those that it starts with let the signal of a deep network die out, and then its outputs do
    not depend on its input."""
    norms = [m for m in model.modules() if isinstance(m, nn.BatchNorm2d)]
    for m in norms:
        m.momentum = 1
    if norms:
        with torch.no_grad():
            model.train()(torch.randn(16, *shape))
    return model


def export(folder, names):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names or MODELS:
        constructor, shape, _ = MODELS[name]
        torch.manual_seed(0)
        model = settled(constructor(), shape).eval()
        for batch in (1, 32):
            torch.onnx.export(model, torch.randn(batch, *shape), folder / f"{name}-b{batch}.onnx", opset_version=13,
                              input_names=["input"], output_names=["logits"])


if __name__ == "__main__":
    export(Path(sys.argv[1]), sys.argv[2:])
