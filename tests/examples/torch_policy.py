"""A policy learned from PyTorch's own outputs, and run in PyTorch: the large network sees only what the small one is
unsure of. Nothing here is converted: weir decides, PyTorch computes."""
import numpy as np
import torch
import weir

torch.manual_seed(0)
torch.set_num_threads(1)


def data(n):
    """Five classes on rings: easy in the middle, mixed at the borders."""
    y = torch.randint(0, 5, (n,))
    radius = y + 1 + 0.22 * torch.randn(n)
    angle = 6.28 * torch.rand(n)
    return torch.stack([radius * torch.cos(angle), radius * torch.sin(angle)], 1), y


def trained(width, x, y):
    net = torch.nn.Sequential(torch.nn.Linear(2, width), torch.nn.ReLU(), torch.nn.Linear(width, width), torch.nn.ReLU(),
                              torch.nn.Linear(width, 5))
    optimiser = torch.optim.Adam(net.parameters(), 3e-3)
    for _ in range(400):
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(net(x), y).backward()
        optimiser.step()
    return net.eval()


@torch.no_grad()
def probabilities(net, x):
    return torch.softmax(net(x), 1)


x, y = data(1500)
small, big = trained(8, x, y), trained(128, x, y)
x, y = data(6000)  # examples that the networks have not seen
trace = weir.Trace.from_probabilities({'small': (probabilities(small, x), 1.0), 'big': (probabilities(big, x), 60.0)}, y,
                                      cost_unit='units')
policy = weir.ExitPolicy(max_loss=0.01).fit(trace[:3000]).calibrate(trace[3000:])
print(f'{policy.speedup_:.2f} times cheaper; at most {policy.upper_limit_:.2%} regressions with 95 % confidence')

cascade = weir.Cascade(policy, stages={'small': lambda rows: probabilities(small, rows),
                                       'big': lambda rows: probabilities(big, rows)})
x, y = data(4000)
labels, exits, _ = cascade.run(x)
full = probabilities(big, x).argmax(1).numpy()
worse = ((full == y.numpy()) & (labels != y.numpy())).mean()
print(f'new examples: {(exits == 0).mean():.0%} left at the small network, {worse:.2%} got worse')
assert (exits == 0).mean() > 0.2 and worse < 0.02
assert (labels[exits == 1] == full[exits == 1]).all()
print('the others got the same answers as the big network gives')
