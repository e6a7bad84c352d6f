"""Small arrays by NumPy, for tests/io/files/npy_test.cpp. Run: /usr/bin/python3 tests/vectors/make_npy.py"""
import os

import numpy as np

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'npy')
os.makedirs(FOLDER, exist_ok=True)
CUBE = np.arange(24, dtype=np.int64).reshape(2, 3, 4)
ARRAYS = dict(
    int16=np.array([-32768, 0, 32767], np.int16), int32=np.array([-2**31, 0, 2**31 - 1], np.int32),
    uint8=np.array([0, 128, 255], np.uint8), bool=np.array([True, False, True]),
    c_i8=CUBE, fortran_i8=np.asfortranarray(CUBE), float64=np.array([0.1, np.inf, np.nan]), scalar=np.array(3, np.int32),
    big_endian=np.array([1.0], '>f4'), complex=np.array([1j]), string=np.array(['a']), float16=np.array([1.0], np.float16),
    record=np.array([(1, 2.0)], [('a', '<i4'), ('b', '<f4')]), uint64=np.array([1], np.uint64))
for name, array in ARRAYS.items():
    np.save(os.path.join(FOLDER, name + '.npy'), array)
with open(os.path.join(FOLDER, 'float32_v2.npy'), 'wb') as f:
    np.lib.format.write_array(f, np.array([[0, 1], [2, 3.5]], np.float32), version=(2, 0))
