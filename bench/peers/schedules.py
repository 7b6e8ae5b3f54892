"""Records what PyTorch's schedulers do, for runtime/testdata/schedules.json:

    python3 bench/peers/schedules.py > runtime/testdata/schedules.json

Each case is a schedule of dlc, the scheduler of PyTorch with the same meaning, and the learning rate of each of 24 steps in
epochs of 4."""
import json
import warnings

import torch
from torch.optim import lr_scheduler as S

warnings.filterwarnings("ignore")
STEPS, PER_EPOCH, LR = 24, 4, 0.3


def rates(make, by):
    opt = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=LR)
    sched = make(opt)
    out = []
    for step in range(STEPS):
        out.append(opt.param_groups[0]["lr"])
        opt.step()
        if by == "step" or (step + 1) % PER_EPOCH == 0:
            if step + 1 < STEPS:
                sched.step()
    return out


def fractional(make):
    """The rate of a scheduler that is told the epoch with its fraction before each step."""
    opt = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=LR)
    sched = make(opt)
    out = []
    for step in range(STEPS):
        sched.step(step / PER_EPOCH)
        out.append(opt.param_groups[0]["lr"])
    return out


def plateau(values, **args):
    opt = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=LR)
    sched = S.ReduceLROnPlateau(opt, **args)
    out = []
    for v in values:
        out.append(opt.param_groups[0]["lr"])
        sched.step(v)
    return out


def call(name, **args):
    return {"name": name, "args": args}


E = STEPS // PER_EPOCH
cases = [
    ([call("constant")], rates(lambda o: S.ConstantLR(o, factor=1), "step")),
    ([call("step", every=2, factor=0.5, by="epoch")], rates(lambda o: S.StepLR(o, 2, 0.5), "epoch")),
    ([call("step", every=5, factor=0.7, by="step")], rates(lambda o: S.StepLR(o, 5, 0.7), "step")),
    ([call("multi_step", milestones=[1, 4], factor=0.1, by="epoch")], rates(lambda o: S.MultiStepLR(o, [1, 4], 0.1), "epoch")),
    ([call("multi_step", milestones=[3, 3, 11], factor=0.5, by="step")], rates(lambda o: S.MultiStepLR(o, [3, 3, 11], 0.5), "step")),
    ([call("exponential", factor=0.9, by="step")], rates(lambda o: S.ExponentialLR(o, 0.9), "step")),
    ([call("exponential", factor=0.6, by="epoch")], rates(lambda o: S.ExponentialLR(o, 0.6), "epoch")),
    ([call("polynomial", power=2, by="step")], rates(lambda o: S.PolynomialLR(o, STEPS, 2), "step") if hasattr(S, "PolynomialLR") else
     [LR * (1 - t / STEPS) ** 2 for t in range(STEPS)]),
    ([call("polynomial", power=0.5, min=0.1, by="step")], rates(lambda o: S.LambdaLR(o, lambda t: (0.1 + (LR - 0.1) * (1 - t / STEPS) ** 0.5) / LR), "step")),
    ([call("inverse_time", rate=0.5, every=2, by="step")], rates(lambda o: S.LambdaLR(o, lambda t: 1 / (1 + 0.5 * t / 2)), "step")),
    ([call("cosine", min=0.05, by="step")], rates(lambda o: S.CosineAnnealingLR(o, STEPS, 0.05), "step")),
    ([call("cosine", min=0, by="epoch")], rates(lambda o: S.CosineAnnealingLR(o, E), "epoch")),
    ([call("cosine_restarts", period=7, multiplier=1, min=0.01, by="step")], rates(lambda o: S.CosineAnnealingWarmRestarts(o, 7, 1, 0.01), "step")),
    ([call("cosine_restarts", period=3, multiplier=2, min=0, by="step")], rates(lambda o: S.CosineAnnealingWarmRestarts(o, 3, 2), "step")),
    ([call("cosine_restarts", period=1, multiplier=2, min=0, by="epoch")], fractional(lambda o: S.CosineAnnealingWarmRestarts(o, 1, 2))),
    ([call("warmup", steps=6), call("constant")], rates(lambda o: S.LambdaLR(o, lambda t: min(1, (t + 1) / 6)), "step")),
    ([call("warmup", epochs=2, start=0.25), call("cosine", min=0, by="step")], rates(lambda o: S.SequentialLR(o, [
        S.LambdaLR(o, lambda t: 0.25 + 0.75 * (t + 1) / 8), S.CosineAnnealingLR(o, STEPS - 8)], [8]), "step")),
    ([call("constant", steps=3), call("exponential", factor=0.5, steps=4, by="step"), call("step", every=6, factor=0.1, by="step")],
     rates(lambda o: S.SequentialLR(o, [S.ConstantLR(o, factor=1), S.ExponentialLR(o, 0.5), S.StepLR(o, 6, 0.1)], [3, 7]), "step")),
    ([call("cyclic", max=1.0, up=4)], rates(lambda o: S.CyclicLR(o, LR, 1.0, 4, cycle_momentum=False), "step")),
    ([call("cyclic", max=1.0, up=2, down=5, mode="triangular2")], rates(lambda o: S.CyclicLR(o, LR, 1.0, 2, 5, mode="triangular2", cycle_momentum=False), "step")),
    ([call("cyclic", max=1.0, up=3, mode="exp_range", factor=0.95)], rates(lambda o: S.CyclicLR(o, LR, 1.0, 3, mode="exp_range", gamma=0.95, cycle_momentum=False), "step")),
    ([call("one_cycle")], rates(lambda o: S.OneCycleLR(o, LR, STEPS, cycle_momentum=False), "step")),
    ([call("one_cycle", rise=0.4, div=10, final_div=100, anneal="linear")],
     rates(lambda o: S.OneCycleLR(o, LR, STEPS, pct_start=0.4, div_factor=10, final_div_factor=100, anneal_strategy="linear", cycle_momentum=False), "step")),
    ([call("one_cycle", rise=0.25, three_phase=True)], rates(lambda o: S.OneCycleLR(o, LR, STEPS, pct_start=0.25, three_phase=True, cycle_momentum=False), "step")),
]
losses = [3, 2.5, 2.4999, 2.49, 2.49, 2.6, 2.6, 2.6, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1]
plateaus = [
    (call("reduce_on_plateau", factor=0.5, patience=2), plateau(losses, factor=0.5, patience=2)),
    (call("reduce_on_plateau", factor=0.5, patience=0, threshold=0.1, threshold_mode="abs", min_lr=0.01), plateau(losses, factor=0.5, patience=0, threshold=0.1, threshold_mode="abs", min_lr=0.01)),
    (call("reduce_on_plateau", factor=0.3, patience=1, cooldown=3), plateau(losses, factor=0.3, patience=1, cooldown=3)),
    (call("reduce_on_plateau", factor=0.3, patience=1, mode="max"), plateau(losses, factor=0.3, patience=1, mode="max")),
]


def floats(calls):
    """Every number as dlc's run-time has it."""
    for c in calls:
        for k, v in c["args"].items():
            if isinstance(v, bool) or isinstance(v, str):
                continue
            c["args"][k] = [float(x) for x in v] if isinstance(v, list) else float(v)
    return calls


rows = [json.dumps({"calls": floats(c), "rates": r}) for c, r in cases]
falls = [json.dumps({"calls": floats([c]), "rates": r}) for c, r in plateaus]
head = json.dumps({"lr": LR, "steps": STEPS, "per_epoch": PER_EPOCH, "torch": torch.__version__, "losses": losses})
print(head[:-1] + ', "cases": [\n' + ",\n".join(rows) + '\n], "plateaus": [\n' + ",\n".join(falls) + "\n]}")
