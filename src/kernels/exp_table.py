"""Writes exp_table.h, the numbers of exact_exp(), computed here to 60 digits.

usage: exp_table.py OUTPUT.h
"""

import sys
from decimal import Decimal, getcontext

STEPS = 16  # per doubling
ROUNDED_BITS = 41  # step_high is a multiple of 2**-41, so has 36 bits: times k of 15 it is exact


def table(name, numbers):
    rows = "".join(f"    {number.hex()},\n" for number in numbers)
    return f"static const double {name}[{STEPS}] = {{\n{rows}}};\n"


def main():
    getcontext().prec = 60
    powers = [Decimal(2) ** (Decimal(i) / STEPS) for i in range(STEPS)]
    highs = [float(power) for power in powers]
    lows = [float(power - Decimal(high)) for power, high in zip(powers, highs)]
    step = Decimal(2).ln() / STEPS
    step_high = float(int(step * 2**ROUNDED_BITS)) / 2**ROUNDED_BITS
    step_low = float(step - Decimal(step_high))
    with open(sys.argv[1], "w", encoding="ascii") as file:
        file.write(
            "// 2**(i/16) is exp_table_high[i] + exp_table_low[i], to some 106 bits, and ln 2 / 16\n"
            "// is exp_step_high + exp_step_low; made by exp_table.py while building.\n"
            "#ifndef MICROGPT_EXP_TABLE_H\n#define MICROGPT_EXP_TABLE_H\n\n"
            f"{table('exp_table_high', highs)}{table('exp_table_low', lows)}"
            f"static const double exp_steps_per_unit = {float(1 / step).hex()};\n"
            f"static const double exp_step_high = {step_high.hex()};\n"
            f"static const double exp_step_low = {step_low.hex()};\n\n#endif\n")


main()
