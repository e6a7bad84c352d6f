"""OpenCV's DNN module; see peer.py."""
import cv2
import numpy as np

import peer


def load(stem, shape, threads):
    cv2.setNumThreads(threads)
    net = cv2.dnn.readNetFromONNX(stem + ".onnx")
    x = np.random.default_rng(1).random(shape, dtype=np.float32) - np.float32(0.5)

    def run():
        net.setInput(x)
        return net.forward()

    return run


peer.main("opencv", cv2.__version__, load)
