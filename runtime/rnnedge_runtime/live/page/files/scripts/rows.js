// The rows of the chosen series, and the columns that a chart draws of them.

const MOST = 240;

export class Rows {
  constructor() { this.clear(); }

  clear() { this.time = []; this.readings = []; this.values = []; }

  get length() { return this.time.length; }

  // Rows as they came, column by column; `whole` replaces what was here.
  add(part) {
    if (part.whole) this.clear();
    const columns = (old, more) => more.map((column, k) => [...(old[k] ?? []), ...column].slice(-MOST));
    this.time = [...this.time, ...part.time].slice(-MOST);
    this.readings = columns(this.readings, part.readings);
    this.values = columns(this.values, part.values);
  }

  last(columns, k) { return columns[k]?.at(-1) ?? null; }

  // The time between rows: the model's, or the one that is usual here.
  period(given) {
    if (given) return given;
    const gaps = this.time.slice(1).map((time, k) => time - this.time[k]).filter((gap) => gap > 0);
    return gaps.sort((a, b) => a - b)[gaps.length >> 1] || 1;
  }

  // Columns of uPlot: time, reading, forecast made before, newest forecast, its bounds.
  columns(target, period, step, most = MOST) {
    const { time } = this;
    const readings = target.feature === null ? null : this.readings[target.feature];
    const made = this.values[target.middle[step - 1]] ?? [];
    const at = { x: [], reading: [], earlier: [], ahead: [], low: [], high: [] };
    const put = (x, reading, earlier, ahead, low, high) => {
      at.x.push(x); at.reading.push(reading); at.earlier.push(earlier);
      at.ahead.push(ahead); at.low.push(low); at.high.push(high);
    };
    let behind = 0;
    const newest = time.length - 1;
    const oldest = Math.max(0, newest + 1 - most);
    for (let k = oldest; k <= newest; k += 1) {
      if (k > oldest && time[k] - time[k - 1] > 1.5 * period) put(time[k - 1] + period, null, null, null, null, null);
      while (time[behind] < time[k] - step * period - period / 2) behind += 1;
      const isMade = behind < k && Math.abs(time[behind] - (time[k] - step * period)) <= period / 2;
      const reading = readings ? readings[k] : null;
      const from = k === newest ? reading : null;
      put(time[k], reading, isMade ? made[behind] : null, from, from, from);
    }
    if (newest >= 0) {
      const of = (columns, k) => (columns ? this.last(this.values, columns[k]) : null);
      target.middle.forEach((column, k) => {
        put(time[newest] + (k + 1) * period, null, null, this.last(this.values, column), of(target.lower, k), of(target.upper, k));
      });
    }
    return [at.x, at.reading, at.earlier, at.ahead, at.low, at.high];
  }
}
