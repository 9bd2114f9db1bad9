"""The numbers of test_writers.py, from Python."""

import math
import struct
import sys

from microgpt_dump import Dump

x = [0.1, -0.0, math.inf, -math.inf, math.nan, 5e-324, 1.7976931348623157e308, 1 / 3]
dx = [-0.1, 0, math.nan, 1e-7, 2, -3, 123456789, -1e-300]
floats = struct.unpack("3f", struct.pack("3f", 0.1, -1e-7, 16777217))
with Dump(sys.argv[1], step=3, document="ana") as dump:
    dump("pos2.logit", x)
    dump("pos2.prob", x, dx)
    dump("wte", [x[:3], x[3:6]], [dx[:3], dx[3:6]])
    dump("wpe", [x[:3], x[3:6]])
    dump("pos0.norm", floats)
    dump("loss", 2.5, 1)
    dump("pos0.loss", 2.5)
