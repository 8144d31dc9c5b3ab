// The recorded weather streamed through a model, one hour at a time. Knows no page.

export class Replay {
  constructor(model, weather) {
    this.model = model;
    this.rows = weather.rows; // each [time, readings...], null where one is missing
    this.columns = model.features.map((feature) => weather.columns.indexOf(feature.name));
    const missing = model.features.filter((_, k) => this.columns[k] < 0);
    if (missing.length) throw new Error(`the weather has no column ${missing[0].name}, which the model reads`);
    this.horizon = model.outputs.length;
    this.target = weather.columns.indexOf(model.outputs[0].name.replace(/_\d+$/, ''));
    this.start();
  }

  start() {
    this.model.reset();
    this.position = -1; // the last hour that was streamed
    this.forecasts = []; // by the hour they were made in: the next hours
  }

  get isAtEnd() {
    return this.position + 1 >= this.rows.length;
  }

  // Streams the next hour; false at the end.
  step() {
    if (this.isAtEnd) return false;
    const row = this.rows[this.position + 1];
    this.forecasts[this.position + 1] = this.model.step(this.columns.map((k) => row[k]), row[0]);
    this.position += 1;
    return true;
  }

  // What was read of the target in an hour; null where it is missing or not there.
  truth(hour) {
    return this.rows[hour]?.[this.target] ?? null;
  }

  // The forecast for an hour, made `horizon` hours before.
  forecastFor(hour) {
    return this.forecasts[hour - this.horizon]?.[this.horizon - 1] ?? null;
  }

  // Mean absolute errors at the horizon: of the model, and of the last reading.
  errors() {
    let [model, last, count, held] = [0, 0, 0, null];
    for (let hour = 0; hour + this.horizon <= this.position; hour++) {
      held = this.truth(hour) ?? held;
      const came = this.truth(hour + this.horizon);
      if (came === null || held === null || !this.forecasts[hour]) continue;
      model += Math.abs(this.forecasts[hour][this.horizon - 1] - came);
      last += Math.abs(held - came);
      count += 1;
    }
    return count ? { model: model / count, last: last / count } : null;
  }

  save() {
    const state = btoa(String.fromCharCode(...this.model.snapshot()));
    return { position: this.position, digest: this.model.digest, state };
  }

  // Goes on from what save() gave, in this page or in another one.
  restore(saved) {
    this.model.restore(Uint8Array.from(atob(saved.state), (c) => c.charCodeAt(0)));
    this.position = saved.position;
    this.forecasts.length = Math.min(this.forecasts.length, saved.position + 1);
  }
}
