/**
 * Build a sequence: draws sequences by the rules of `icl.task` from the reader's settings, shows
 * their tokens, and says for each what its context and what trained weights know.
 *
 * The generator is another than `icl.task`'s, so the sequences of a seed are others too; their
 * distribution is the same, and is tested against closed forms.
 */
(() => {
  "use strict";

  const { icl } = window;
  const KINDS = { IID: "i.i.d.", BURSTY: "bursty", NOVEL: "novel" };

  // Random numbers

  const STREAMS = { indices: 0, mean: 1, label: 2, noise: 3 };

  /**
   * The generator of one draw: Chris Doty-Humphrey's sfc32, begun at a hash of three numbers.
   * @param {number} seed
   * @param {number} stream what it is for
   * @param {number} counter which of these
   * @returns {() => number} uniform in [0, 1)
   */
  const generator = (seed, stream, counter) => {
    let [a, b, c, d] = [seed, stream, counter, 1];
    const next = () => {
      const sum = (a + b + d) | 0;
      d = (d + 1) | 0;
      a = b ^ (b >>> 9);
      b = (c + (c << 3)) | 0;
      c = (((c << 21) | (c >>> 11)) + sum) | 0;
      return (sum >>> 0) / 2 ** 32;
    };
    for (let i = 0; i < 20; i++) next(); // until every bit depends on all three numbers
    return next;
  };

  /** Independent normal numbers of variance 1/D, by Box and Muller's transform. */
  const normals = (random, D) =>
    Float64Array.from(
      { length: D },
      () => Math.sqrt((-2 * Math.log(1 - random())) / D) * Math.cos(2 * Math.PI * random()),
    );

  /** A function that draws an index in proportion to the weights. */
  const sampler = (weights) => {
    let sum = 0;
    const until = weights.map((weight) => (sum += weight));
    return (random) => {
      const u = random() * sum;
      let [low, high] = [0, until.length - 1];
      while (low < high) {
        const middle = (low + high) >> 1;
        if (until[middle] > u) high = middle;
        else low = middle + 1;
      }
      return low;
    };
  };

  /** Different indices, one by one in proportion to the weights of those that are left. */
  const race = (random, weights, number) => {
    const clocks = weights.map((weight, i) => [-Math.log(1 - random()) / weight, i]);
    return clocks
      .sort((a, b) => a[0] - b[0])
      .slice(0, number)
      .map(([, i]) => i);
  };

  const shuffle = (random, list) => {
    for (let i = list.length - 1; i > 0; i--) {
      const j = Math.floor(random() * (i + 1));
      [list[i], list[j]] = [list[j], list[i]];
    }
    return list;
  };

  const range = (number) => Array.from({ length: number }, (_, i) => i);

  // The task

  const python = (value, integer) =>
    integer || !Number.isInteger(value) ? String(value) : value.toFixed(1);

  /**
   * What is wrong with settings, in the words of `icl.task.Task`, or null.
   * @param {Object<string, number|string>} task  text where there is no number
   * @param {Object<string, {integer: boolean, ge?: number, le?: number}>} fields
   * @returns {string|null}
   */
  const problem = (task, fields) => {
    const wrong = [];
    for (const [name, { integer, ge, le }] of Object.entries(fields)) {
      const value = task[name];
      if (typeof value === "string") {
        wrong.push(`${name}='${value}' must be ${integer ? "an integer" : "a number"}`);
      } else if (integer && !Number.isInteger(value)) {
        wrong.push(`${name}=${value} must be an integer`);
      } else if (value < ge) {
        wrong.push(`${name}=${python(value, integer)} must be greater than or equal to ${ge}`);
      } else if (value > le) {
        wrong.push(`${name}=${python(value, integer)} must be less than or equal to ${le}`);
      }
    }
    if (wrong.length) return wrong.join("; ");
    const { K, L, N, B, P, p_C, novel } = task;
    const distinct = Math.floor(N / (B || 1));
    if (K % L) return `K=${K} must be a multiple of L=${L}`;
    if (B && N % B) return `N=${N} must be a multiple of B=${B}`;
    if (distinct > L) {
      const why = B ? "" : " (the ICL test of B=0 shows each class once)";
      return `N/B=${distinct} distinct labels must be at most L=${L}${why}`;
    }
    if (2 * N + 1 > P) return `2N+1=${2 * N + 1} tokens must be at most P=${P} positions`;
    if (novel < L) return `novel=${novel} classes must be at least L=${L}`;
    if (!B && p_C > 0) {
      return (
        `B=0 with p_C=${python(p_C)} cannot be solved: a novel class must be in its context; ` +
        "use B >= 1 or p_C=0"
      );
    }
    return null;
  };

  /**
   * How sequences of a task are drawn. `draw(name, random)` gives one: `name` is "training" or a
   * test, as in `icl.task.World.probe`.
   * @param {Object<string, number>} task without a problem
   * @returns {{draw: (name: string, random: () => number) => {kind: string, classes: number[],
   *   labels: number[], target: number, window: number}}}  classes count from 0, novel ones from
   *   K, the target's last; labels are those shown, `target` is the right answer
   */
  const world = (task) => {
    const { K, L, N, B, P, p_B, p_C, alpha, novel } = task;
    const copies = Math.max(B, 1);
    const distinct = N / copies;
    const frequency = range(K).map((k) => (k + 1) ** -alpha);
    const ofLabel = (label) => range(K / L).map((i) => frequency[label + L * i]);
    const labelFrequency = range(L).map((label) => ofLabel(label).reduce((a, b) => a + b));
    const pool = range(L).map((label) => Math.ceil((novel - label) / L)); // novel classes of it
    const anyClass = sampler(frequency);
    const within = new Map(); // a label's sampler of its classes
    const classOf = (random, label) => {
      if (!within.has(label)) within.set(label, sampler(ofLabel(label)));
      return label + L * within.get(label)(random);
    };

    /** Copies of each class in random places of the context; the first class as target. */
    const scatter = (random, classes) => [
      ...shuffle(
        random,
        range(N).map((i) => classes[Math.floor(i / copies)]),
      ),
      classes[0],
    ];
    const iid = (random) => range(N + 1).map(() => anyClass(random));
    const bursty = (random) => {
      const labels = race(random, labelFrequency, distinct);
      return scatter(
        random,
        labels.map((label) => classOf(random, label)),
      );
    };
    const fresh = (random) => {
      const labels = race(random, pool, distinct);
      const among = (label) => K + label + L * Math.floor(random() * pool[label]);
      return scatter(random, labels.map(among));
    };
    const absent = (random) => {
      const target = anyClass(random);
      const other = () => {
        let k = target;
        while (k === target) k = anyClass(random);
        return k;
      };
      return [...range(N).map(other), target];
    };

    const sources = {
      training: (random) => {
        if (random() < p_C) return [KINDS.NOVEL, fresh(random)];
        if (B && random() < p_B) return [KINDS.BURSTY, bursty(random)];
        return [KINDS.IID, iid(random)];
      },
      icl: (random) => [KINDS.NOVEL, fresh(random)],
      swapped: (random) => [KINDS.BURSTY, bursty(random)],
      iwl: (random) => [KINDS.IID, iid(random)],
      iwl_absent: (random) => [KINDS.IID, absent(random)],
    };

    return {
      draw(name, random) {
        const [kind, classes] = sources[name](random);
        const shown = classes.map((k) => (k + (name === "swapped" ? 1 : 0)) % L);
        const window = Math.floor(random() * (P - 2 * N));
        return { kind, classes, labels: shown.slice(0, N), target: shown[N], window };
      },
    };
  };

  /** Contents of a sequence's items by eq. 1; with the same noise at every eps. */
  const contents = ({ D, eps }, seed, index, { classes }) => {
    const random = generator(seed, STREAMS.noise, index);
    return classes.map((k) => {
      const [mean, noise] = [normals(generator(seed, STREAMS.mean, k), D), normals(random, D)];
      return mean.map((value, i) => (value + eps * noise[i]) / Math.sqrt(1 + eps ** 2));
    });
  };

  // In words

  /** Trained classes are numbered from 1, by frequency; novel ones have a prime. */
  const className = (K, k) => (k < K ? String(k + 1) : `${k - K + 1}′`);

  const listed = (numbers) =>
    numbers.length < 2
      ? numbers.join()
      : `${numbers.slice(0, -1).join(", ")} and ${numbers.at(-1)}`;

  const NUMBERS = ["no", "one", "two", "three"];

  /** How many sequences of each kind, in the order in which the kinds come first. */
  const counted = (kinds) => {
    const each = [...new Set(kinds)].map((kind) => [kind, kinds.filter((k) => k === kind).length]);
    const words = each.map(([kind, count]) => `${NUMBERS[count] ?? count} ${kind}`);
    return `${listed(words)} ${each.at(-1)[1] === 1 ? "sequence" : "sequences"}`;
  };

  /**
   * What the context of a sequence and what trained weights know about its answer.
   * @returns {{context: number|null, weights: number|null, words: string}}  the label that each
   *   would name, null if it cannot know one
   */
  const explain = ({ K, L }, { classes, labels, target }) => {
    const asked = classes.at(-1);
    const pairs = range(labels.length).filter((i) => classes[i] === asked);
    const context = pairs.length ? labels[pairs[0]] : null;
    const weights = asked < K ? asked % L : null;
    const verdict = (answer) => (answer === target ? "right" : "wrong");
    const places = `${pairs.length > 1 ? "pairs" : "pair"} ${listed(pairs.map((i) => i + 1))}`;
    const fromContext =
      context === null
        ? "no item is of its class, so it cannot help"
        : `${places} of its class ${pairs.length > 1 ? "show" : "shows"} ${context}, ${verdict(context)}`;
    const fromWeights =
      weights === null
        ? "its class was never trained, so they cannot know"
        : `its class had label ${weights} in training, ${verdict(weights)}`;
    const words = `Right answer: ${target}. Context: ${fromContext}. Weights: ${fromWeights}.`;
    return { context, weights, words };
  };

  icl.sequence = { generator, problem, world, contents, explain, counted, KINDS };

  // The part

  const SHOWN = 3; // sequences at a time
  const PATCH = 8; // columns of a content's picture
  const REACH = 3; // standard deviations that the colours span on each side
  const MOST = 2 ** 16; // classes: a page draws at every key stroke
  const SEEDS = 2 ** 32; // as for the package

  icl.part("sequence", (root, data) => {
    const { fields } = data;
    const deviation = 1 / Math.sqrt(data.task.D);

    const titles = {
      N: "N, pairs",
      B: "B, copies",
      p_B: "p_B, bursty",
      p_C: "p_C, novel",
      alpha: "α, skew",
      eps: "ε, variability",
      K: "K, classes",
      L: "L, labels",
    };
    const control = (name, options) => ({
      label: titles[name],
      min: fields[name].ge,
      value: data.task[name],
      change: draw,
      ...options,
    });
    const slider = (name, max, step, format) =>
      icl.slider(control(name, { max: Math.max(max, data.task[name]), step, format }));
    const number = (name) => icl.number(control(name, { step: 1 }));
    const share = (value) => icl.fixed(value, 2);
    const controls = {
      N: slider("N", 16, 1),
      B: slider("B", 8, 1),
      p_B: slider("p_B", 1, 0.05, share),
      p_C: slider("p_C", 1, 0.05, share),
      alpha: slider("alpha", 2, 0.05, share),
      eps: slider("eps", 2, 0.05, share),
      K: number("K"),
      L: number("L"),
    };
    const seed = icl.number({ label: "seed", step: 1, min: 0, value: data.seed, change: draw });
    const source = icl.choice({
      label: "draw from",
      options: [["training", "training"], ...Object.entries(data.probes)],
      value: "training",
      change: draw,
    });
    const another = icl.button("Draw another", () => {
      seed.set(((Number.isInteger(seed.value) ? seed.value : -1) + 1) % SEEDS);
      draw();
    });
    const alarm = icl.html("p", { class: "icl-problem", role: "alert" });
    const place = icl.html("div", {});
    const status = icl.status();

    /** The settings as they stand, text where there is no number. */
    function settings() {
      const task = { ...data.task };
      for (const [name, { value, text }] of Object.entries(controls)) {
        task[name] = Number.isNaN(value) ? text : value;
      }
      return task;
    }

    function draw() {
      const task = settings();
      const seeded = Number.isInteger(seed.value) && seed.value >= 0 && seed.value < SEEDS;
      const unseeded = seeded ? null : `seed=${seed.text} must be a whole number from 0 to 2**32 - 1`;
      const many = task.K > MOST ? `K=${task.K} is more than the ${icl.whole(MOST)} of this page` : null;
      const wrong = problem(task, fields) ?? many ?? unseeded;
      alarm.textContent = wrong ?? "";
      place.replaceChildren();
      if (wrong) {
        status.say("Nothing is drawn.");
        return;
      }
      const from = world(task);
      const kinds = [];
      for (let index = 0; index < SHOWN; index++) {
        const random = generator(seed.value, STREAMS.indices, index);
        const sequence = from.draw(source.value, random);
        kinds.push(sequence.kind);
        place.append(picture(task, sequence, contents(task, seed.value, index, sequence)));
      }
      status.say(`Seed ${seed.value}: ${counted(kinds)}.`);
    }

    /** A sequence as tokens, with what can be known about its answer. */
    function picture(task, sequence, items) {
      const { classes, labels, target, window, kind } = sequence;
      const order = [...new Set(classes)];
      const item = (i) => {
        const hue = data.hues[order.indexOf(classes[i]) % data.hues.length];
        return token(items[i], className(task.K, classes[i]), `border-color: ${hue}`);
      };
      const label = (i) =>
        token(
          normals(generator(seed.value, STREAMS.label, labels[i]), task.D),
          String(labels[i]),
          "",
        );
      const pairs = labels.map((_, i) =>
        icl.html("span", { class: "icl-pair" }, item(i), label(i)),
      );
      const last = icl.html(
        "span",
        { class: "icl-pair" },
        item(labels.length),
        icl.html("strong", { class: "icl-answer" }, `→ ${target}`),
      );
      const said = labels.map(
        (shown, i) => `class ${className(task.K, classes[i])} with label ${shown}`,
      );
      const asked = className(task.K, classes.at(-1));
      const tokens = icl.html(
        "div",
        {
          class: "icl-tokens",
          role: "img",
          "aria-label": `${said.join(", ")}; then the target of class ${asked}, answer ${target}`,
        },
        ...pairs,
        last,
      );
      const where = `${kind}, positions ${window} to ${window + 2 * task.N} of 0 to ${task.P - 1}`;
      return icl.html(
        "div",
        { class: "icl-sequence" },
        icl.html("p", { class: "icl-kind" }, where),
        tokens,
        icl.html("p", {}, explain(task, sequence).words),
      );
    }

    /** One token: its content as a patch of colours, and a number below it. */
    function token(content, text, style) {
      const patch = icl.html("canvas", { class: "icl-cells" });
      const shares = content.map((value) => 0.5 + value / deviation / REACH / 2);
      icl.paint(patch, shares, PATCH, data.scale);
      return icl.html("span", { class: "icl-token", style }, patch, text);
    }

    const key = icl.key("content, a square a dimension", data.scale);
    key.set(`−${icl.fixed(REACH * deviation, 2)}`, icl.fixed(REACH * deviation, 2));
    draw();
    root.append(
      icl.controls("Settings of the task", ...Object.values(controls)),
      icl.controls("What is drawn", source, seed, another),
      alarm,
      place,
      key.node,
      status.node,
    );
  });
})();
