// The neuron and the network of ladder/scratch: the same formulas, the same data, the same random numbers.

// What `stream` of ladder/files/streams.py makes of these words: NumPy's SeedSequence and PCG64.
function stream(words) {
  let hash = 0x43b0d7e5, factor = 0x931e8875;
  const hashed = (word) => {
    const product = Math.imul(word ^ hash, hash = Math.imul(hash, factor));
    return product ^ (product >>> 16);
  };
  const places = [0, 1, 2, 3], pool = places.map((place) => hashed(words[place] ?? 0));
  const mix = (place, word) => {
    const mixed = (Math.imul(0xca01f9dd, pool[place]) - Math.imul(0x4973f715, hashed(word))) | 0;
    pool[place] = mixed ^ (mixed >>> 16);
  };
  for (const from of places) for (const to of places) if (from !== to) mix(to, pool[from]);
  for (const word of words.slice(4)) for (const to of places) mix(to, word);
  [hash, factor] = [0x8b51f9dd, 0x58f38ded];
  const seeds = [...pool, ...pool].map((word) => BigInt(hashed(word) >>> 0));
  const joined = (...chosen) => chosen.reduce((number, place) => (number << 32n) | seeds[place], 0n);
  const increment = (joined(5, 4, 7, 6) << 1n) | 1n;
  const next = (state) => BigInt.asUintN(128, state * 0x2360ed051fc65da44385df649fccf645n + increment);
  let state = next(increment + joined(1, 0, 3, 2)), half = null;
  const draw64 = () => {
    state = next(state);
    const folded = BigInt.asUintN(64, (state >> 64n) ^ state), turn = state >> 122n;
    return BigInt.asUintN(64, (folded >> turn) | (folded << (64n - turn)));
  };
  const draw32 = () => {  // the lower half of a number, then the upper one
    const drawn = half ?? draw64();
    half = half === null ? drawn >> 32n : null;
    return Number(BigInt.asUintN(32, drawn));
  };
  const permutation = (count) => {
    const order = [...Array(count).keys()];
    for (let last = count - 1; last > 0; last--) {
      const mask = 2 ** (32 - Math.clz32(last)) - 1;
      let chosen = draw32() & mask;
      while (chosen > last) chosen = draw32() & mask;
      [order[last], order[chosen]] = [order[chosen], order[last]];
    }
    return order;
  };
  return { permutation, uniform: (low, high) => low + (high - low) * Number(draw64() >> 11n) * 2 ** -53 };
}

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
const zeros = (layers) => layers.map((layer) => layer.map((row) => row.map(() => 0)));

// One neuron, w x + b with x the standardised °C, by full-batch gradient descent.
class Neuron {
  constructor({ celsius, fahrenheit, start }, { rate }) {
    const middle = mean(celsius), scale = Math.sqrt(mean(celsius.map((c) => (c - middle) ** 2)));
    const x = celsius.map((c) => (c - middle) / scale);
    Object.assign(this, { x, y: fahrenheit, middle, scale, rate, path: [], losses: [] });
    const a = mean(x.map((value) => value ** 2)), b = mean(x);  // the Hessian is 2 [[a, b], [b, 1]]
    this.limit = 2 / (a + 1 + Math.hypot(a - 1, 2 * b));  // 2/λmax
    this.moveTo(start);
  }
  moveTo([w, b]) {
    this.path.push([w, b]);
    this.errors = this.x.map((x, i) => w * x + b - this.y[i]);
    this.losses.push(mean(this.errors.map((error) => error ** 2)));
    [this.weight, this.bias] = [w / this.scale, b - (w / this.scale) * this.middle];  // for °C as they are
  }
  step() {
    const [w, b] = this.path.at(-1), slope = 2 * mean(this.errors.map((error, i) => error * this.x[i]));
    this.moveTo([w - this.rate * slope, b - this.rate * 2 * mean(this.errors)]);
  }
}

// The network on two moons, by SGD with momentum. A layer has a row of weights per input, and the bias last.
class Network {
  constructor(data, { rate, units, noise }) {
    Object.assign(this, data, { rate, losses: [] });
    this.points = data.points.map(([x, y, dx, dy]) => [x + noise * dx, y + noise * dy].map(Math.fround));
    const sizes = [2, units, ...data.layers.slice(1), 2], { uniform } = stream(data.weights);
    this.layers = sizes.slice(1).map((outputs, l) => {
      const limit = Math.sqrt(6 / (sizes[l] + outputs)), weight = () => Math.fround(uniform(-limit, limit));
      const row = () => Array.from(Array(outputs), weight);
      return [...Array.from(Array(sizes[l]), row), Array(outputs).fill(0)];
    });
    this.velocity = zeros(this.layers);
    this.measure();
  }
  forward(x) {  // [x, a_1, …, log p]
    return this.layers.reduce((activations, layer, l) => {
      const sum = (bias, j) => activations[l].reduce((total, a, i) => total + a * layer[i][j], bias);
      const z = layer.at(-1).map(sum), top = Math.max(...z), last = l === this.layers.length - 1;
      const logSum = last && top + Math.log(z.reduce((total, value) => total + Math.exp(value - top), 0));
      return [...activations, z.map((value) => (last ? value - logSum : 0.5 + 0.5 * Math.tanh(0.5 * value)))];
    }, [x]);
  }
  measure() {  // on all training points
    const logP = this.points.map((x) => this.forward(x).at(-1));
    this.losses.push(mean(logP.map((row, i) => -row[this.labels[i]])));
    this.accuracy = mean(logP.map((row, i) => Number(row[1] > row[0]) === this.labels[i]));
  }
  step() {  // one epoch; its number is how many losses there are so far
    const order = stream([...this.order, this.losses.length]).permutation(this.points.length);
    while (order.length) this.update(order.splice(0, this.batch_size));
    this.measure();
  }
  update(items) {  // back-propagation of one batch, then SGD
    const slopes = zeros(this.layers);
    for (const item of items) {
      const a = this.forward(this.points[item]), hit = (k) => Number(k === this.labels[item]);
      let delta = a.pop().map((logP, k) => (Math.exp(logP) - hit(k)) / items.length);
      for (let l = this.layers.length - 1; l >= 0; l--) {
        [...a[l], 1].forEach((value, i) => delta.forEach((d, j) => { slopes[l][i][j] += value * d; }));
        const back = (i) => delta.reduce((sum, d, j) => sum + d * this.layers[l][i][j], 0);
        delta = a[l].map((value, i) => back(i) * value * (1 - value));
      }
    }
    this.layers.forEach((layer, l) => layer.forEach((row, i) => row.forEach((weight, j) => {
      this.velocity[l][i][j] = this.momentum * this.velocity[l][i][j] - this.rate * slopes[l][i][j];
      row[j] = weight + this.velocity[l][i][j];
    })));
  }
}
