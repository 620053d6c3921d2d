/**
 * Scrub through training: one slider over the steps moves layer 1's attention map, the target's row
 * of layer 2, and a marker on the measures of a seed.
 */
(() => {
  "use strict";

  const { icl } = window;

  icl.training = {
    /**
     * A seed's maps as rows for `icl.paint`, by frame.
     * @param {{map1: string, row2: string}} run  as `icl.figures.interactive.training` packs them
     * @param {number} tokens
     * @returns {{map1: (frame: number) => Float64Array, row2: (frame: number) => Float64Array}}
     *   shapes (query, key) with NaN above the diagonal, and (pair, key); keys run fastest
     */
    maps: (run, tokens) => {
      const [triangles, rows] = [icl.unpack(run.map1), icl.unpack(run.row2)];
      const triangle = (tokens * (tokens + 1)) / 2;
      const size = ((tokens - 1) / 2) * tokens;
      return {
        map1(frame) {
          const map = new Float64Array(tokens * tokens).fill(NaN);
          let next = frame * triangle;
          for (let query = 0; query < tokens; query++) {
            for (let key = 0; key <= query; key++) map[query * tokens + key] = triangles[next++];
          }
          return map;
        },
        row2: (frame) => rows.subarray(frame * size, (frame + 1) * size),
      };
    },

    /** The frame whose step is nearest to one. */
    nearest: (steps, frames, step) => {
      const distance = frames.map((record) => Math.abs(steps[record] - step));
      return distance.indexOf(Math.min(...distance));
    },
  };

  const SECONDS = 15; // that all of training takes

  icl.part("training", (root, data) => {
    const { measures, steps, tokens } = data;
    const pairs = (tokens - 1) / 2;
    const names = Object.keys(measures);
    let run, maps;

    const seed = icl.choice({
      label: "seed",
      options: data.seeds.map((one, i) => [String(i), String(one.seed)]),
      value: "0",
      change: choose,
    });
    const slider = icl.slider({
      label: "step of training",
      min: 0,
      max: 1,
      value: 0,
      format: () => (run ? icl.whole(now()) : ""),
      change: show,
    });
    const player = icl.player(slider, SECONDS);

    const named = Array.from({ length: tokens }, (_, t) => [
      t + 0.5,
      t === tokens - 1 ? "?" : t % 2 ? "ℓ" : "x",
    ]);
    const keys = { label: "key", domain: [0, tokens], ticks: named };
    const first = icl.plot({
      title: "Layer 1: attention of each token",
      x: keys,
      y: { label: "query", domain: [tokens, 0], ticks: named },
      height: 340,
    });
    const second = icl.plot({
      title: "Layer 2: attention of the target",
      x: keys,
      y: {
        label: "target's pair",
        domain: [pairs, 0],
        ticks: Array.from({ length: pairs }, (_, j) => [j + 0.5, String(j + 1)]),
      },
      height: 64 + 14 * pairs,
    });
    const paint = { first: first.map(), second: second.map() };
    const key = icl.key("attention", data.scale);
    key.set("0", "1");

    const last = steps[steps.length - 1];
    const curves = icl.plot({
      title: "Measures",
      x: { label: "steps", domain: [0, last], ticks: thousands(last) },
      y: { label: "", domain: [0, 1] },
      height: 190,
      right: 46,
    });
    const cursor = curves.cursor();
    const lines = {};
    const dots = {};
    for (const name of names) {
      lines[name] = curves.line({ ...measures[name], label: measures[name].short });
      dots[name] = curves.dot(measures[name].colour, 3.5);
    }
    for (const [words, value] of Object.entries(data.levels)) curves.level(words).set(value);
    const status = icl.status();

    /** Step of training at which the slider stands. */
    function now() {
      return steps[run.frames[Math.round(slider.value)]];
    }

    /** Go over to another seed, at the step nearest to this one; at first, to the transition. */
    function choose() {
      player.stop(); // another seed has other frames
      const step = run ? now() : null;
      run = data.seeds[Number(seed.value)];
      maps = icl.training.maps(run, tokens);
      for (const name of names) {
        lines[name].set(
          steps,
          run.curves[name].map((thousandths) => thousandths / 1000),
        );
      }
      const value = icl.training.nearest(steps, run.frames, step ?? run.transition ?? last);
      slider.set({ max: run.frames.length - 1 });
      slider.set({ value });
      show();
    }

    /** Show the chosen step and say what it is. */
    function show() {
      const frame = Math.round(slider.value);
      const record = run.frames[frame];
      paint.first(maps.map1(frame), tokens, data.scale);
      paint.second(maps.row2(frame), tokens, data.scale);
      cursor.set(steps[record]);
      const values = names.map((name) => {
        const value = run.curves[name][record] / 1000;
        dots[name].set(steps[record], value);
        return `${measures[name].short} ${icl.fixed(value, 2)}`;
      });
      const words = `Seed ${run.seed}, step ${icl.whole(steps[record])}${place(steps[record])}: ${values.join(", ")}.`;
      for (const plot of [first, second, curves]) plot.describe(words);
      status.say(words);
    }

    /** Where a step lies from the seed's transition. */
    function place(step) {
      if (run.transition === null) return ", no transition in this run";
      const away = step - run.transition;
      return `, ${icl.whole(Math.abs(away))} steps ${away < 0 ? "before" : "after"} its transition`;
    }

    choose();
    root.append(
      icl.walk("Step of training", slider, player),
      icl.controls("Run", seed),
      icl.html(
        "div",
        { class: "icl-plots" },
        icl.html("div", {}, first.node, key.node),
        icl.html("div", {}, curves.node, second.node),
      ),
      status.node,
    );
  });

  /** Ticks of an axis of steps, as 50k where they are large. */
  function thousands(last) {
    return icl
      .ticks([0, last])
      .map(([value, words]) => [value, last >= 10000 && value ? `${value / 1000}k` : words]);
  }
})();
