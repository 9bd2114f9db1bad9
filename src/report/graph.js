// A graph: computes its numbers again, and names its nodes.
"use strict";

const LEAF = 0, ADD = 1, MUL = 2, POW = 3, LOG = 4, EXP = 5, RELU = 6;
const opNames = ["const", "add", "mul", "pow", "log", "exp", "relu"];
const opArity = [0, 2, 2, 1, 1, 1, 1];

// All nodes by their ids. Computes the numbers that the data lack as value.c and backward.c do: forward in
// the order of the ids, then backward in the order of a depth-first traversal.
class Graph {
  constructor(packed) {
    this.n = packed.ops.length;
    this.nParams = packed.n_params;
    this.root = this.n - 1;
    this.ops = Uint8Array.from({ length: this.n }, (_, id) => packed.ops.charCodeAt(id) - 48);
    this.children = new Int32Array(2 * this.n);
    this.data = new Float64Array(this.n);
    this.localGrads = new Float64Array(2 * this.n);
    this.grads = new Float64Array(this.n);
    this.unpackChildren(packed.children);
    this.forward(packed.numbers);
    this.order = this.findOrder();
    this.backward();
    this.findUsers();
    this.isExact = crc32(this.data, this.grads) === packed.crc32;
  }

  arity(id) {
    return opArity[this.ops[id]];
  }

  unpackChildren(differences) {
    const last = new Int32Array(2 * opNames.length);
    let next = 0;
    for (let id = 0; id < this.n; id++) {
      for (let i = 0; i < this.arity(id); i++) {
        const place = 2 * this.ops[id] + i;
        last[place] += differences[next++];
        this.children[2 * id + i] = last[place];
      }
    }
  }

  forward(numbers) {
    const { data, localGrads, children } = this;
    let next = 0;
    for (let id = 0; id < this.n; id++) {
      const op = this.ops[id];
      const a = data[children[2 * id]];
      const b = data[children[2 * id + 1]];
      if (op === ADD) {
        data[id] = a + b;
        localGrads[2 * id] = localGrads[2 * id + 1] = 1;
      } else if (op === MUL) {
        data[id] = a * b;
        localGrads[2 * id] = b;
        localGrads[2 * id + 1] = a;
      } else if (op === RELU) {
        data[id] = a > 0 ? a : 0;
        localGrads[2 * id] = a > 0 ? 1 : 0;
      } else {
        data[id] = numbers[next++];
        localGrads[2 * id] = op === POW ? numbers[next++] : op === LOG ? 1 / a : op === EXP ? data[id] : 0;
      }
    }
  }

  // The order of a depth-first traversal: children before parents, children from left to right.
  findOrder() {
    const order = new Int32Array(this.n);
    const stack = new Int32Array(this.n);
    const taken = new Uint8Array(this.n); // how many children have been visited
    const seen = new Uint8Array(this.n);
    let nOrder = 0;
    let top = 0;
    stack[0] = this.root;
    seen[this.root] = 1;
    while (top >= 0) {
      const id = stack[top];
      if (taken[id] < this.arity(id)) {
        const child = this.children[2 * id + taken[id]++];
        if (!seen[child]) {
          seen[child] = 1;
          stack[++top] = child;
        }
      } else {
        order[nOrder++] = id;
        top--;
      }
    }
    return order.subarray(0, nOrder);
  }

  backward() {
    const { grads, localGrads, children } = this;
    grads[this.root] = 1;
    for (let k = this.order.length - 1; k >= 0; k--) {
      const id = this.order[k];
      const grad = grads[id];
      for (let edge = 2 * id; edge < 2 * id + this.arity(id); edge++) {
        grads[children[edge]] += localGrads[edge] * grad;
      }
    }
  }

  // Finds for each node the edges from its users (2 * user + index of the child), in the order of backward.
  // Edges of users that the loss does not depend on, which backward never visits, come last.
  findUsers() {
    const nUsers = new Int32Array(this.n + 1);
    for (let id = 0; id < this.n; id++) {
      for (let i = 0; i < this.arity(id); i++) {
        nUsers[this.children[2 * id + i] + 1]++;
      }
    }
    for (let id = 0; id < this.n; id++) {
      nUsers[id + 1] += nUsers[id];
    }
    this.firstUser = nUsers;
    this.users = new Int32Array(nUsers[this.n]);
    const filled = nUsers.slice();
    const isMet = new Uint8Array(this.n);
    const add = (id) => {
      for (let edge = 2 * id; edge < 2 * id + this.arity(id); edge++) {
        this.users[filled[this.children[edge]]++] = edge;
      }
    };
    for (let k = this.order.length - 1; k >= 0; k--) {
      isMet[this.order[k]] = 1;
      add(this.order[k]);
    }
    for (let id = 0; id < this.n; id++) {
      if (!isMet[id]) {
        add(id);
      }
    }
    this.isMet = isMet;
  }

  childrenOf(id) {
    return Array.from(this.children.subarray(2 * id, 2 * id + this.arity(id)));
  }

  edgesTo(id) {
    return Array.from(this.users.subarray(this.firstUser[id], this.firstUser[id + 1]));
  }

  isConstant(id) {
    return this.arity(id) === 0 && id >= this.nParams;
  }

  // What backward adds to the child along an edge.
  contribution(edge) {
    return this.localGrads[edge] * this.grads[edge >> 1];
  }

  // The edge with the largest contribution, the first one if several are equal; undefined if there are no edges.
  largest(edges) {
    const size = (edge) => Math.abs(this.contribution(edge));
    return edges.reduce((best, edge) => (best === undefined || size(edge) > size(best) ? edge : best), undefined);
  }

  // The edges from a node to its children.
  edgesFrom(id) {
    return this.childrenOf(id).map((_, i) => 2 * id + i);
  }

  // The edge that added most to the gradient of a node.
  largestEdgeTo(id) {
    return this.largest(this.edgesTo(id).filter((edge) => this.isMet[edge >> 1]));
  }

  // The edge that added most to the gradient of a child.
  largestEdgeFrom(id) {
    return this.largest(this.edgesFrom(id).filter((edge) => !this.isConstant(this.children[edge])));
  }

  // The ids on the path of the largest contributions from the loss to a node; only the node if the loss does
  // not depend on it.
  pathFromLoss(id) {
    const path = [id];
    for (let edge = this.largestEdgeTo(id); edge !== undefined; edge = this.largestEdgeTo(path[0])) {
      path.unshift(edge >> 1);
    }
    return path;
  }

  opName(id) {
    return id < this.nParams ? "param" : opNames[this.ops[id]];
  }
}

// The names of all nodes, as node_path.c finds them.
class Names {
  constructor(graph, scopes) {
    this.graph = graph;
    this.scopes = [];
    this.results = new Map(); // of names: their last node
    this.paths = null;        // of all nodes; made at the first search for a node that is not a result
    let first = 0;
    for (let i = 0; i < scopes.names.length; i++) {
      first += scopes.first_nodes[i];
      this.scopes.push({
        name: scopes.names[i],
        first,
        parent: scopes.parents[i],
        index: scopes.indices[i],
        nColumns: scopes.n_columns[i],
        isPart: scopes.are_parts[i] === 1,
      });
    }
    this.scopes.forEach((scope, i) => {
      const next = this.scopes[i + 1];
      scope.end = next ? next.first : graph.n;
      const parent = this.scopes[scope.parent];
      scope.path = (parent ? parent.path + "." : "") + this.scopeName(scope);
      if (!scope.isPart && scope.nColumns === 0) {
        this.results.set(scope.path, scope.end - 1);
      }
    });
  }

  scopeName({ name, index, isPart }) {
    if (index < 0) {
      return name;
    }
    if (isPart) {
      return name + index;
    }
    return name.includes("[]") ? name.replace("[]", `[${index}]`) : `${name}[${index}]`;
  }

  findScope(id) {
    let low = 0;
    let high = this.scopes.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.scopes[middle].first <= id) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return this.scopes[low - 1];
  }

  // The operation, with a number if [first, end) has several of it.
  opIn(id, first, end) {
    const op = this.graph.ops[id];
    let before = 0;
    let all = 0;
    for (let other = first; other < end; other++) {
      if (this.graph.ops[other] === op) {
        before += other < id ? 1 : 0;
        all++;
      }
    }
    return opNames[op] + (all > 1 ? `[${before}]` : "");
  }

  path(id) {
    const scope = this.findScope(id);
    if (scope.nColumns > 0) {
      const place = id - scope.first;
      return `${scope.path}[${Math.floor(place / scope.nColumns)},${place % scope.nColumns}]`;
    }
    if (!scope.isPart && id === scope.end - 1) {
      return scope.path;
    }
    const op = this.opIn(id, scope.first, scope.isPart ? scope.end : scope.end - 1);
    return scope.path + (scope.path === "" ? "" : ".") + op;
  }

  all() {
    if (this.paths === null) {
      this.paths = new Map();
      for (let id = 0; id < this.graph.n; id++) {
        this.paths.set(this.path(id), id);
      }
    }
    return this.paths;
  }

  // The id of the node with this path, or undefined.
  find(path) {
    return this.results.get(path) ?? this.all().get(path);
  }

  beginningWith(text, atMost) {
    const found = [];
    for (const path of this.all().keys()) {
      if (path.startsWith(text)) {
        found.push(path);
        if (found.length === atMost) {
          break;
        }
      }
    }
    return found;
  }
}
