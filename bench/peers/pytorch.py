"""PyTorch with oneDNN, frozen and optimised for inference; see peer.py."""
import warnings

warnings.filterwarnings("ignore")
import torch

import peer


def load(stem, shape, threads):
    torch.set_num_threads(threads)
    torch.set_num_interop_threads(1)
    net = torch.jit.optimize_for_inference(torch.jit.freeze(torch.jit.load(stem + ".pt").eval()))
    x = torch.rand(shape) - 0.5
    return lambda: net(x)


with torch.inference_mode():
    peer.main("pytorch", torch.__version__, load)
