"""Write node dumps for `microgpt compare`: see docs/node-format.md.

    with Dump("port.txt", step=1) as dump:
        dump("pos2.logit", logit)           # pos2.logit[0], pos2.logit[1], ...
        dump("pos2.prob", prob, dprob)      # the same with gradients
        dump("wte", wte, dwte)              # rows of rows: wte[0,0], wte[0,1], ...
        dump("loss", loss, 1.0)             # one number

Everything that float() accepts is a number, including elements of numpy arrays and torch tensors.
"""

import json


class Dump:
    def __init__(self, path, **about):
        self._file = open(path, "w", encoding="ascii", newline="\n")
        print("# microgpt-nodes 1", json.dumps(about), file=self._file)

    def __call__(self, name, x, grads=None):
        self._write(name, (), x, grads)

    def _write(self, name, indices, x, grads):
        try:
            for i in range(len(x)):
                self._write(name, (*indices, i), x[i], None if grads is None else grads[i])
            return
        except TypeError:  # it has no length: a number
            pass
        path = f"{name}[{','.join(map(str, indices))}]" if indices else name
        grad = "-" if grads is None else float(grads).hex()
        print(path, float(x).hex(), grad, file=self._file)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self._file.close()
