#!/usr/bin/env python
import ctypes
from ctypes.util import find_library

name = find_library("magic")
print(name)
magic = ctypes.CDLL(name)
magic.magic_open.restype = ctypes.c_void_p
magic.magic_load.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
magic.magic_file.restype = ctypes.c_char_p
magic.magic_file.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
cookie = magic.magic_open(0)
magic.magic_load(cookie, None)
print(magic.magic_file(cookie, __file__.encode()).decode())
print(find_library("z"))
