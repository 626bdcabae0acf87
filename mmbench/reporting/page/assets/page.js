"use strict";
// The page of a benchmark. Texts come from stored results, so they become text nodes, never HTML.

const board = JSON.parse(document.getElementById("board-data").textContent);
const byId = (id) => document.getElementById(id);
const three = (value) => value.toFixed(3);

/** Return an element with attributes or properties and children; strings become text. */
function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(properties)) {
    if (key in element) element[key] = value;
    else element.setAttribute(key, value);
  }
  element.append(...children);
  return element;
}

// ------------------------------------------------------------------------------- leaderboard

const cells = [...byId("board").tBodies[0].rows].map((row) => [...row.cells].slice(1));
let table = null;

/** Return, by data set, the two highest means of a metric, as printed. */
function podium(scores) {
  return board.datasets.map((_, j) => {
    const means = scores.flatMap((row, i) => (row[j] && board.competes[i][j] ? [row[j][0]] : []));
    return [...new Set(means)].sort((a, b) => b - a).slice(0, 2);
  });
}

/** Show the chosen metric and selection in every cell. */
function switchScores() {
  const metric = board.metrics.find((m) => m.name === byId("metric").value);
  const oracle = byId("selection").value === "oracle";
  const scores = board.scores[metric.name][oracle ? "oracle" : "last"];
  const top = metric.ranked && !oracle ? podium(scores) : null;
  cells.forEach((row, i) =>
    row.forEach((cell, j) => {
      const score = scores[i][j];
      const rank = top && score && board.competes[i][j] ? top[j].indexOf(score[0]) : -1;
      cell.className = [score ? "" : "none", oracle && score ? "oracle" : "", ["best", "second"][rank] ?? ""].join(" ").trim();
      cell.dataset.order = score ? score[0] : "";
      const button = cell.firstElementChild;
      button.replaceChildren(score ? three(score[0]) : board.statuses[i][j] || "–");
      if (!score) return;
      if (score[1] !== null) button.append(" ", h("small", {}, `± ${three(score[1])}`));
      if (board.marks[i][j]) button.append(board.marks[i][j]);
      if (board.ok[i][j] < board.seeds) button.append(" ", h("small", {}, `${board.ok[i][j]}/${board.seeds}`));
    }),
  );
  const over = board.seeds > 1 ? "mean ± standard deviation over the seeds that ended ok" : "of one seed";
  byId("board-statement").replaceChildren(
    ...(oracle
      ? [h("em", { className: "oracle" }, "Oracle: "), `${metric.head} of the best epoch (or view) by ACC, chosen by label. It is not a valid result of the method. – means that no checkpoints are stored.`]
      : [`${metric.head} of the last epoch, as a fraction: ${over}.`]),
  );
  table?.rows().invalidate("dom").draw();
}

/** Show the data sets that match the setting, the pairing and the filter, and the methods that match theirs. */
function filter() {
  const text = byId("filter-datasets").value.trim().toLowerCase();
  const matches = (d) =>
    (!byId("data_setting").value || d.data_setting === byId("data_setting").value) &&
    d.by_label === (byId("pairing").value === "by-label") &&
    `${d.title} ${d.name}`.toLowerCase().includes(text);
  const selected = new Set(board.datasets.flatMap((d, j) => (matches(d) ? [j + 1] : [])));
  const all = board.datasets.map((_, j) => j + 1);
  const changed = (visible) => all.filter((c) => selected.has(c) === visible && table.column(c).visible() !== visible);
  for (const visible of [false, true]) {
    const columns = changed(visible);
    if (columns.length) table.columns(columns).visible(visible, false);
  }
  table.column(0).search(byId("filter-methods").value).draw();
  const rows = table.rows({ search: "applied" }).count();
  byId("board-count").textContent =
    `${rows} of ${board.methods.length} methods, ${selected.size} of ${board.datasets.length} data sets`;
}

async function enhance() {
  const { default: DataTable } = await window.datatables;
  // cells without a score come last in both directions
  const order = (sign) => (a, b) => (a === "") - (b === "") || sign * (a - b);
  DataTable.ext.type.order["score-asc"] = order(1);
  DataTable.ext.type.order["score-desc"] = order(-1);
  table = new DataTable(byId("board"), {
    paging: false,
    info: false,
    autoWidth: false,
    order: [],
    layout: { topStart: null, topEnd: null, bottomStart: null, bottomEnd: null },
    language: { emptyTable: "No method.", zeroRecords: "No method has a matching name." },
    columnDefs: [
      { targets: 0, type: "string", searchable: true, orderSequence: ["asc", "desc", ""] },
      { targets: "_all", type: "score", searchable: false, orderSequence: ["desc", "asc", ""] },
    ],
  });
  const byLabel = board.datasets.filter((d) => d.by_label).length;
  if (byLabel === board.datasets.length) byId("pairing").value = "by-label";
  if (byLabel === 0 || byLabel === board.datasets.length) byId("pairing").parentElement.hidden = true;
  if (Object.keys(board.data_settings).length === 1) byId("data_setting").parentElement.hidden = true;
  for (const id of ["metric", "selection"]) byId(id).addEventListener("change", switchScores);
  for (const id of ["data_setting", "pairing"]) byId(id).addEventListener("change", filter);
  for (const id of ["filter-methods", "filter-datasets"]) byId(id).addEventListener("input", filter);
  byId("controls").addEventListener("submit", (event) => event.preventDefault());
  byId("controls").hidden = false;
  switchScores();
  filter();
}

byId("board").addEventListener("keydown", (event) => {
  const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
  const cell = event.target.closest("td");
  if (!step || !cell) return;
  const row = byId("board").tBodies[0].rows[cell.parentElement.sectionRowIndex + step[0]];
  const button = row?.cells[cell.cellIndex + step[1]]?.querySelector("button");
  if (!button) return;
  event.preventDefault();
  button.focus();
});

// ------------------------------------------------------------------------- the runs of a cell

const scripts = new Map(); // by address, the promise of its loading
const contents = new Map(); // by file, its runs
window.mmbenchRuns = ([file, runs]) => contents.set(file, runs);

/** Load a script once. A page from disk may not fetch files, but it may load scripts. */
function load(address) {
  if (!scripts.has(address)) {
    const loading = new Promise((resolve, reject) => {
      const failed = () => reject(new Error(`${address} cannot be read. Is the folder complete?`));
      document.head.append(h("script", { src: address, onload: resolve, onerror: failed }));
    });
    scripts.set(address, loading);
  }
  return scripts.get(address);
}

function simpleTable(label, head, rows) {
  const row = (cells) => h("tr", {}, ...cells.map((text, i) => (i ? h("td", {}, text) : h("th", { scope: "row" }, text))));
  const body = h("table", {}, h("thead", {}, h("tr", {}, ...head.map((text) => h("th", { scope: "col" }, text)))), h("tbody", {}, ...rows.map(row)));
  return h("div", { className: "scroll", role: "region", tabIndex: 0, ariaLabel: label }, body);
}

function facts(values) {
  return h("dl", {}, ...Object.entries(values).map(([key, value]) => h("div", {}, h("dt", {}, key), h("dd", {}, String(value)))));
}

const folded = (title, ...children) => h("details", {}, h("summary", {}, title), ...children);
const mebibytes = (bytes) => (bytes ? (bytes / 2 ** 20).toFixed(0) : "–");

function commandLine(command) {
  const line = h("pre", { tabIndex: 0 }, command);
  const copy = h("button", { type: "button" }, "Copy");
  copy.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(command);
      copy.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(line);
      copy.textContent = "Selected: press Ctrl+C";
    }
  });
  return [h("p", {}, "Command to train these runs again: ", copy), line];
}

/** Return a table with a row for each run: its scores at the last epoch and its cost. */
function runTable(cell) {
  const last = cell.scores.last?.all ?? {};
  const oracle = cell.scores.oracle?.all ?? cell.scores.oracle?.["best view"] ?? {};
  const metrics = board.metrics.filter((m) => last[m.name]);
  const of = (values, i) => (values?.[i] == null ? "–" : values[i] > 1 && Number.isInteger(values[i]) ? String(values[i]) : three(values[i]));
  const withOracle = Boolean(oracle.acc);
  const head = ["seed", "ended", ...metrics.map((m) => m.head), ...(withOracle ? ["ACC, oracle"] : []), "seconds", "host MiB", "device MiB"];
  const rows = cell.runs.map((run, i) => {
    const all = { ...cell.common, ...run };
    return [
      String(run.seed),
      run.status.replaceAll("_", " "),
      ...metrics.map((m) => of(last[m.name], i)),
      ...(withOracle ? [h("em", { className: "oracle" }, of(oracle.acc, i))] : []),
      all.seconds_total === undefined ? "–" : String(all.seconds_total),
      mebibytes(all.memory_host),
      mebibytes(all.memory_device),
    ];
  });
  return simpleTable("Runs", head, rows);
}

/** Return the scores of every subset and selection, a row for each metric. */
function allScores(cell) {
  const rows = [];
  for (const [selection, subsets] of Object.entries(cell.scores))
    for (const [subset, metrics] of Object.entries(subsets))
      for (const [metric, values] of Object.entries(metrics))
        rows.push([`${metric}, ${subset}${selection === "oracle" ? " (oracle)" : ""}`, ...values.map((v) => (v === null ? "–" : v.toFixed(4)))]);
  return folded("All scores", simpleTable("All scores", ["metric, samples", ...cell.runs.map((r) => `seed ${r.seed}`)], rows));
}

function failuresOf(cell) {
  return cell.runs
    .filter((run) => run.status !== "ok")
    .map((run) =>
      h("div", {},
        h("p", {}, h("b", {}, `Seed ${run.seed} ${run.status.replaceAll("_", " ")}`), run.reason ? `: ${run.reason}` : ""),
        ...(run.log_tail ? [folded("End of the log", h("pre", { tabIndex: 0 }, run.log_tail))] : [])),
    );
}

/** Draw one logged term, a line for each seed. */
function plot(cell, axes, term) {
  const style = getComputedStyle(byId("cell"));
  const lines = Object.entries(cell.curves[term]).map(([seed, [axis, values]]) => ({
    x: axes[axis], y: values, name: `seed ${seed}`, mode: values.length > 30 ? "lines" : "lines+markers", line: { width: 1.5 },
  }));
  const axis = { gridcolor: "rgba(128,128,128,0.25)", zerolinecolor: "rgba(128,128,128,0.5)", automargin: true };
  const layout = {
    xaxis: { ...axis, title: { text: "epoch" } },
    yaxis: axis,
    legend: { orientation: "h", y: 1, yanchor: "bottom" },
    font: { color: style.color, family: style.fontFamily, size: 12 },
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    margin: { l: 56, r: 12, t: 8, b: 40 }, showlegend: true, hovermode: "x",
  };
  return window.Plotly.react(byId("plot"), lines, layout, { responsive: true, displaylogo: false, displayModeBar: false });
}

function curves(cell, axes) {
  const terms = Object.keys(cell.curves).sort((a, b) => (b === "loss") - (a === "loss"));
  if (!terms.length) return [h("p", { className: "hint" }, "These runs logged no losses.")];
  const choice = h("select", {}, ...terms.map((term) => h("option", { value: term }, term)));
  const where = h("div", { id: "plot", role: "img", ariaLabel: "Curves by epoch, a line for each seed" });
  const draw = () => load("assets/plotly.js").then(() => where.isConnected && plot(cell, axes, choice.value));
  choice.addEventListener("change", draw);
  draw().catch((error) => where.replaceChildren(error.message));
  return [h("p", {}, h("label", {}, "Curve ", choice)), where];
}

async function openCell(i, j) {
  const dialog = byId("cell");
  const [method, dataset] = [board.methods[i], board.datasets[j]];
  const opener = document.activeElement;
  byId("cell-title").textContent = `${method.title} on ${dataset.title}`;
  byId("cell-body").replaceChildren("Loading …");
  dialog.showModal();
  byId("cell-title").focus();
  dialog.addEventListener("close", () => opener?.focus(), { once: true });
  try {
    await load(`data/${encodeURIComponent(dataset.file)}`);
  } catch (error) {
    byId("cell-body").replaceChildren(error.message);
    return;
  }
  const { axes, methods } = contents.get(dataset.file);
  const cell = methods[method.name];
  const { params, ...common } = cell.common;
  const jump = (href, text) => h("a", { href, onclick: () => dialog.close() }, text);
  byId("cell-body").replaceChildren(
    ...failuresOf(cell),
    runTable(cell),
    ...curves(cell, axes),
    ...(cell.command ? commandLine(cell.command) : []),
    allScores(cell),
    ...(params ? [folded("Parameters", facts(JSON.parse(params)))] : []),
    folded("Provenance, the same for all runs", facts(common)),
    ...cell.runs.map((run) => {
      const { status, reason, log_tail, seed, ...own } = run;
      return folded(`Seed ${seed}: cost and provenance`, facts(own));
    }),
    h("p", {}, jump(`#data-${j}`, `About ${dataset.title}`), " · ", jump(`#method-${i}`, `About ${method.title}`)),
  );
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-cell]");
  if (button) openCell(...button.dataset.cell.split(",").map(Number));
});

// --------------------------------------------------------------------------- the whole page

/** Open the fold that an address points to. */
function unfold() {
  const target = location.hash && byId(decodeURIComponent(location.hash.slice(1)));
  if (target?.tagName === "DETAILS") target.open = true;
}
addEventListener("hashchange", unfold);
unfold();

const folds = () => document.querySelectorAll("main details:not([open])");
let unfolded = [];
addEventListener("beforeprint", () => {
  unfolded = [...folds()];
  for (const fold of unfolded) fold.open = true;
});
addEventListener("afterprint", () => {
  for (const fold of unfolded) fold.open = false;
});

const dark = () => (document.documentElement.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  byId("theme").textContent = dark() ? "Light" : "Dark";
}
byId("theme").addEventListener("click", () => setTheme(dark() ? "light" : "dark"));
byId("theme").textContent = dark() ? "Light" : "Dark";

enhance().catch((error) => {
  byId("board-count").textContent = `The table cannot be sorted or filtered: ${error.message}`;
});
