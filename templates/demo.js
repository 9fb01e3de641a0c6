// The demo's page. It shows the sandbox's state and sends what the visitor clicks; it never scores anything itself,
// so what appears here is what the real Escalator wrote. Elements are updated in place: focus and reading position stay.

const ESCALATION = "platform-escalation";
const POSSIBLE = "platform-escalation-possible";

const QUESTIONS = [
  ["cross-functionality", 2, "Cross-functionality", "Work and coordination from 4 or more teams across the business?"],
  ["complexity", 2, "Complexity", "Unknown unknowns, or known complexities that raise the risk?"],
  ["financial-impact", 1, "Financial impact", "A clear financial impact: growth, revenue, churn?"],
  ["operational-impact", 1, "Operational impact", "Potential impact on systems, people, larger processes?"],
  ["customer-impact", 1, "Customer impact", "Breaking changes, deprecations, migrations for customers?"],
].map(([key, points, name, text]) => ({ key, points, name, text }));

const TOGGLES = {
  source: ["SIRT", "incident", "outage", "breaking change"],
  disambiguation: ["customer-enhancement", "STAR", "account-escalation", "support-request", "planned-change"],
  decision: ["escalation-decision::accepted", "escalation-decision::declined"],
  hand: [ESCALATION, POSSIBLE],
};

const COLUMNS = { open: "Open", possible: POSSIBLE, escalation: ESCALATION };

/** How long a click may stay without a new comment before the page says that there was nothing to write. */
const PATIENCE_MS = 3000;
/** After overlapping clicks, later comments within this time still belong to them. */
const SETTLING_MS = 400;
const RECONNECT_MS = 1000;

const find = (selector, root = document) => root.querySelector(selector);
const findAll = (selector, root = document) => [...root.querySelectorAll(selector)];
const setText = (element, text) => { if (element.textContent !== text) element.textContent = text; };
const calm = matchMedia("(prefers-reduced-motion: reduce)");

let state = { me: null, labels: [], issues: [], deliveries: [] };
let selectedKey = null;

// ---------------------------------------------------------------- What an issue is, as the page needs it

const keyOf = (issue) => `${issue.project_id}/${issue.iid}`;
const referenceOf = (issue) => `${issue.project_path}#${issue.iid}`;
const selectedIssue = () => state.issues.find((issue) => keyOf(issue) === selectedKey);
const sameTitle = (left, right) => left.toLowerCase() === right.toLowerCase();
const hasLabel = (issue, title) => issue.labels.some((label) => sameTitle(label, title));

function columnOf(issue) {
  if (hasLabel(issue, ESCALATION)) return "escalation";
  return hasLabel(issue, POSSIBLE) ? "possible" : "open";
}

/** The values set in a scope: `answersOf(issue, "complexity")` is `["yes"]`, or `[]`, or more than one. */
function answersOf(issue, key) {
  const prefix = `${key}::`;
  return issue.labels.filter((label) => label.toLowerCase().startsWith(prefix)).map((label) => label.slice(prefix.length));
}

const answeredCount = (issue) => QUESTIONS.filter(({ key }) => answersOf(issue, key).length === 1).length;

/** The card to begin with: open, with a source, not yet on a filtered board, with most questions left. */
function startingIssue() {
  const inviting = state.issues.filter((issue) =>
    issue.state === "opened" && columnOf(issue) === "open"
    && (issue.type === "Incident" || TOGGLES.source.some((title) => hasLabel(issue, title)))
    && ![...TOGGLES.disambiguation, ...TOGGLES.decision].some((title) => hasLabel(issue, title)));
  return inviting.sort((a, b) => answeredCount(a) - answeredCount(b))[0] ?? state.issues[0];
}

/** Changes when Escalator writes or edits a comment. */
const commentOf = (issue) =>
  JSON.stringify(issue.notes.filter((note) => note.author.bot).map((note) => [note.id, note.updated_at, note.html]));

// ---------------------------------------------------------------- Talking to the sandbox

let loading = null;
let loadingNext = null;

/** Resolves once a state that was asked for after this call is shown. */
function refresh() {
  if (!loading) {
    loading = load().finally(() => { loading = null; });
    return loading;
  }
  loadingNext ??= loading.then(() => { loadingNext = null; return refresh(); });
  return loadingNext;
}

async function load() {
  try {
    const response = await fetch("/demo/state", { cache: "no-store", signal: AbortSignal.timeout(5000) });
    if (!response.ok) throw new Error(`the state came with status ${response.status}`);
    state = await response.json();
  } catch {
    showStopped(true);
    return;
  }
  showStopped(false);
  render();
}

function connect() {
  const events = new EventSource("/demo/events");
  events.onopen = refresh;
  events.onmessage = refresh;
  events.onerror = async () => {
    events.close();
    await refresh();
    setTimeout(connect, RECONNECT_MS);
  };
}

/** Requests that are on their way, by issue: its controls keep what the visitor chose until the answer is shown. */
const sending = new Map();

/** Sends one change; changes of one issue keep their order. */
function send(issue, path, body) {
  const key = keyOf(issue);
  const before = sending.get(key) ?? { count: 0, done: Promise.resolve() };
  const clickedAt = performance.now();
  beginWaiting(issue, clickedAt);
  const done = before.done.then(() => post(`/demo/issues/${key}/${path}`, body)).then(async (problem) => {
    if (problem) endWaiting(key, problem);
    await refresh();
    sending.get(key).count -= 1;
    render();
  });
  sending.set(key, { count: before.count + 1, done });
}

/** Returns what went wrong, or null. */
async function post(address, body) {
  try {
    const response = await fetch(address, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    if (response.ok) return null;
    const { error } = await response.json().catch(() => ({}));
    return `That did not work: ${error ?? `status ${response.status}`}`;
  } catch {
    return "That did not reach the demo.";
  }
}

/** Sets one value of a scope and removes all others, in one request. */
function answer(issue, key, value) {
  const others = new Set(["yes", "no", ...answersOf(issue, key)].filter((other) => other !== value));
  send(issue, "labels", {
    add: value === "unanswered" ? [] : [`${key}::${value}`],
    remove: [...others].map((other) => `${key}::${other}`),
  });
}

function toggle(issue, title, on) {
  const scope = title.includes("::") ? title.slice(0, title.lastIndexOf("::") + 2) : null;
  const siblings = Object.values(TOGGLES).flat().filter((other) => scope && other !== title && other.startsWith(scope));
  const present = issue.labels.filter((label) => sameTitle(label, title));
  send(issue, "labels", on ? { add: [title], remove: siblings } : { add: [], remove: present.length ? present : [title] });
}

// ---------------------------------------------------------------- From click to comment, measured

/** By issue: the clicks that wait for a comment, or the last outcome. */
const waits = new Map();

function beginWaiting(issue, clickedAt) {
  const key = keyOf(issue);
  const open = waits.get(key);
  clearTimeout(open?.timer);
  const joins = open?.phase === "waiting" || open?.phase === "settling";
  const wait = joins ? open : { firstClickAt: clickedAt, clicks: 0, comment: commentOf(issue), from: columnOf(issue) };
  wait.clicks += 1;
  wait.phase = "waiting";
  wait.timer = setTimeout(() => endWaiting(key, null), PATIENCE_MS);
  waits.set(key, wait);
  renderResult();
}

/** Clicks that overlap are measured together from the first one, so the figure is never flattering. */
function noteArrivals() {
  for (const issue of state.issues) {
    const wait = waits.get(keyOf(issue));
    const isOpen = wait?.phase === "waiting" || wait?.phase === "settling";
    const comment = commentOf(issue);
    if (!isOpen || wait.comment === comment) continue;
    wait.comment = comment;
    wait.seconds = (performance.now() - wait.firstClickAt) / 1000;
    clearTimeout(wait.timer);
    wait.phase = wait.clicks > 1 ? "settling" : "answered";
    if (wait.clicks > 1) wait.timer = setTimeout(() => { wait.phase = "answered"; }, SETTLING_MS);
  }
}

function endWaiting(key, problem) {
  const wait = waits.get(key);
  clearTimeout(wait.timer);
  wait.phase = problem ? "failed" : "quiet";
  wait.problem = problem;
  renderResult();
}

function resultText(issue, wait) {
  if (wait.phase === "failed") return wait.problem;
  const column = columnOf(issue);
  const move = column === wait.from ? "" : ` The issue is now in “${COLUMNS[column]}”.`;
  if (wait.phase === "quiet") return `Escalator had nothing to write.${move}`;
  const changes = wait.clicks > 1 ? `${wait.clicks} changes answered` : "Answered";
  return `${changes} in ${wait.seconds.toFixed(2)} s.${move}`;
}

// ---------------------------------------------------------------- Showing the state

function render() {
  noteArrivals();
  if (selectedKey && !selectedIssue()) selectedKey = null;
  renderBoard();
  renderDetail();
  renderDeliveries();
  renderSteps();
}

const colours = (title) => state.labels.find((label) => sameTitle(label.title, title)) ?? { color: "#6b6880" };

const brightness = (hex) => {
  const channels = [1, 3, 5].map((start) => parseInt(hex.slice(start, start + 2), 16) / 255);
  const [red, green, blue] = channels.map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
};
/** Black or white, whichever reads better: label colours are anybody's choice. */
const inkOn = (hex) => (brightness(hex) > 0.179 ? "#000000" : "#ffffff");

/** A label as GitLab draws it; a scoped one in two halves. */
function paintLabel(element, title) {
  const { color, description } = colours(title);
  const cut = title.lastIndexOf("::");
  const [scope, value] = cut < 0 ? [title, null] : [title.slice(0, cut), title.slice(cut + 2)];
  const name = Object.assign(document.createElement("span"), { className: "chip-name", textContent: scope });
  name.style.backgroundColor = color;
  name.style.color = inkOn(color);
  const parts = [name];
  if (value !== null) {
    // The colons are read and copied, but drawn as the border between the halves.
    const colons = Object.assign(document.createElement("span"), { className: "unseen", textContent: "::" });
    parts.push(colons, Object.assign(document.createElement("span"), { className: "chip-value", textContent: value }));
  }
  element.classList.add("chip");
  element.style.borderColor = color;
  element.title = description ?? "";
  element.replaceChildren(...parts);
  return element;
}

function renderChips(list, titles, tag) {
  const drawn = JSON.stringify([titles, titles.map(colours)]);
  if (list.dataset.drawn === drawn) return;
  list.dataset.drawn = drawn;
  list.replaceChildren(...titles.map((title) => paintLabel(document.createElement(tag), title)));
}

/** Gives `list` one child per entry, in order, reusing those it has; a moved child keeps the focus. */
function arrange(list, children) {
  const focused = document.activeElement;
  children.forEach((child, place) => {
    if (list.children[place] !== child) list.insertBefore(child, list.children[place] ?? null);
  });
  while (list.children.length > children.length) list.lastElementChild.remove();
  if (focused?.isConnected && document.activeElement !== focused) focused.focus({ preventScroll: true });
}

const pool = { card: new Map(), note: new Map(), delivery: new Map() };

function reuse(kind, key, onCreate = () => {}) {
  if (!pool[kind].has(key)) {
    const element = find(`#${kind}-template`).content.firstElementChild.cloneNode(true);
    pool[kind].set(key, element);
    onCreate(element);
  }
  return pool[kind].get(key);
}

const keepOnly = (kind, keys) => [...pool[kind].keys()].filter((key) => !keys.includes(key)).forEach((key) => pool[kind].delete(key));

function renderBoard() {
  const cards = state.issues.map((issue) => [issue, reuse("card", keyOf(issue), (card) => {
    find("button", card).addEventListener("click", () => choose(keyOf(issue)));
  })]);
  keepOnly("card", state.issues.map(keyOf));
  const places = new Map(cards.map(([, card]) => [card, card.isConnected && card.getBoundingClientRect()]));
  const starting = startingIssue();

  for (const [issue, card] of cards) renderCard(card, issue, issue === starting && !selectedKey);
  for (const column of findAll(".column")) {
    const name = column.dataset.column;
    const inColumn = cards.filter(([issue]) => columnOf(issue) === name);
    arrange(find(".cards", column), inColumn.map(([, card]) => card));
    setText(find(".count", column), inColumn.length === 1 ? "1 issue" : `${inColumn.length} issues`);
    find(".empty", column).hidden = inColumn.length > 0;
    const heading = find(".heading-label", column);
    if (heading && heading.dataset.drawn !== colours(COLUMNS[name]).color) {
      paintLabel(heading, COLUMNS[name]).dataset.drawn = colours(COLUMNS[name]).color;
    }
  }
  for (const [card, before] of places) glide(card, before);
  const chosen = selectedKey && pool.card.get(selectedKey);
  if (chosen && Math.abs(places.get(chosen).top - chosen.getBoundingClientRect().top) > 1) scrollBoardTo(chosen);
}

/** Where the board scrolls by itself, the chosen card stays in sight; the page never moves. */
function scrollBoardTo(card) {
  const board = find("#board");
  const [frame, place] = [board.getBoundingClientRect(), card.getBoundingClientRect()];
  const margin = 16;
  if (place.bottom > frame.bottom - margin) board.scrollTop += place.bottom - frame.bottom + margin;
  if (place.top < frame.top + margin) board.scrollTop -= frame.top + margin - place.top;
}

function renderCard(card, issue, isStart) {
  const button = find("button", card);
  button.dataset.issue = referenceOf(issue);
  button.dataset.state = issue.state;
  if (keyOf(issue) === selectedKey) button.setAttribute("aria-current", "true");
  else button.removeAttribute("aria-current");
  find(".start", card).hidden = !isStart;
  button.classList.toggle("is-start", isStart);
  setText(find(".card-title", card), issue.title);
  setText(find(".card-reference", card), `${describe(issue)} · ${answeredCount(issue)}/${QUESTIONS.length} answered`);
  // As on GitLab's boards, a card does not repeat its column's label; the answers are counted above.
  const isShownElsewhere = (label) => sameTitle(label, COLUMNS[columnOf(issue)])
    || QUESTIONS.some(({ key }) => label.toLowerCase().startsWith(`${key}::`));
  renderChips(find(".chips", card), issue.labels.filter((label) => !isShownElsewhere(label)), "span");
}

function describe(issue) {
  const parts = [referenceOf(issue)];
  if (issue.type !== "Issue") parts.push(issue.type);
  if (issue.confidential) parts.push("Confidential");
  if (issue.state === "closed") parts.push("Closed");
  return parts.join(" · ");
}

/** Lets a card that moved travel from where it was. */
function glide(card, before) {
  if (!before || calm.matches) return;
  const after = card.getBoundingClientRect();
  const [x, y] = [before.left - after.left, before.top - after.top];
  if (Math.abs(x) + Math.abs(y) < 2) return;
  card.animate([{ transform: `translate(${x}px, ${y}px)` }, { transform: "none" }], { duration: 350, easing: "ease-out" });
}

function choose(key) {
  selectedKey = key;
  renderBoard();
  renderDetail(true);
  renderSteps();
  const title = find("#detail-title");
  title.focus({ preventScroll: true });
  const isBeside = matchMedia("(min-width: 72rem)").matches;
  const behavior = calm.matches ? "auto" : "smooth";
  if (isBeside) title.scrollIntoView({ block: "nearest", behavior });
  else find("#detail").scrollIntoView({ block: "start", behavior });
}

function renderDetail(isNewlyChosen = false) {
  const issue = selectedIssue();
  findAll(".cause, .effect, .more").forEach((part) => { part.hidden = !issue; });
  find(".nothing-chosen").hidden = Boolean(issue);
  setText(find("#detail-title"), issue?.title ?? "No issue chosen yet");
  setText(find("#detail .reference"), issue ? describe(issue) : "");
  renderChips(find("#detail .issue .chips"), issue?.labels ?? [], "li");
  if (!issue) return;
  if (isNewlyChosen || !sending.get(selectedKey)?.count) renderControls(issue);
  renderNotes(issue);
  renderResult();
}

function renderControls(issue) {
  const bots = state.issues.flatMap((other) => other.notes).filter((note) => note.author.bot).map((note) => note.author.name);
  const isPerson = state.me && !bots.includes(state.me.name);
  setText(find(".acting"), isPerson ? `As ${state.me.name}, on ${referenceOf(issue)}` : `On ${referenceOf(issue)}`);
  for (const fieldset of findAll(".question")) {
    const { key } = fieldset.dataset;
    const answers = answersOf(issue, key);
    const known = answers.filter((value) => value === "yes" || value === "no");
    const chosen = known.length === 1 ? known[0] : known.length === 0 ? "unanswered" : null;
    findAll("input", fieldset).forEach((input) => { input.checked = input.value === chosen; });
    const unknown = answers.filter((value) => !known.includes(value)).map((value) => `${key}::${value}`);
    const problems = [];
    if (known.length > 1) problems.push("Yes and no are both set: it counts as unanswered until one goes.");
    if (unknown.length) problems.push(`Not an answer: ${unknown.join(", ")}`);
    setText(find(".question-problem", fieldset), problems.join(" "));
  }
  for (const button of findAll("button[data-label]")) {
    button.setAttribute("aria-pressed", String(hasLabel(issue, button.dataset.label)));
  }
  setText(find("button.state"), issue.state === "closed" ? "Reopen the issue" : "Close the issue");
}

function renderNotes(issue) {
  const notes = issue.notes.map((note) => {
    const article = reuse("note", note.id);
    article.classList.toggle("is-internal", note.internal);
    article.classList.toggle("is-bot", note.author.bot);
    setText(find("strong", article), note.author.name);
    setText(find(".note-username", article), `@${note.author.username}`);
    find(".bot", article).hidden = !note.author.bot;
    find(".internal", article).hidden = !note.internal;
    const verb = note.updated_at === note.created_at ? "written" : "edited";
    setText(find("time", article), `${verb} ${clock(note.updated_at)}`);
    renderBody(find(".note-body", article), note.html);
    return article;
  });
  arrange(find(".notes"), notes);
  find(".no-notes").hidden = notes.length > 0;
}

const drawnHtml = new WeakMap();

/** The one place that sets HTML, from the one field that the server has sanitised. */
function renderBody(body, html) {
  if (drawnHtml.get(body) === html) return;
  const isFirst = !drawnHtml.has(body);
  drawnHtml.set(body, html);
  const unfolded = findAll("details", body).map((details) => details.open);
  const focusable = "a[href], summary";
  const focused = findAll(focusable, body).indexOf(document.activeElement);
  body.innerHTML = html;
  findAll("details", body).forEach((details, place) => { details.open = unfolded[place] ?? details.open; });
  findAll("a[href^=http]", body).forEach((link) => { link.target = "_blank"; link.rel = "noopener noreferrer"; });
  if (focused >= 0) findAll(focusable, body)[focused]?.focus({ preventScroll: true });
  if (!isFirst) flash(body.parentElement);
}

function renderResult() {
  const result = find("#result");
  const wait = waits.get(selectedKey);
  result.dataset.phase = wait?.phase ?? "";
  if (!wait) return setText(result, "");
  // While it waits, the last outcome stays readable; only the outcome is announced.
  if (wait.phase !== "waiting") setText(result, resultText(selectedIssue(), wait));
}

const clock = (at) => new Date(at).toLocaleTimeString([], { hour12: false });
const STATUS_WORDS = { 200: "not relevant", 202: "kept", 401: "refused", 413: "too large", 503: "not kept" };

function renderDeliveries() {
  const isFirst = pool.delivery.size === 0;
  const arrived = [];
  const rows = state.deliveries.map((delivery) => {
    const row = reuse("delivery", delivery.id, (created) => arrived.push(created));
    setText(find(".at", row), clock(delivery.at));
    setText(find(".event", row), delivery.event ?? delivery.object_kind ?? "");
    setText(find(".issue-reference", row), delivery.issue ?? "");
    setText(find(".code", row), String(delivery.status ?? "…"));
    setText(find(".words", row), STATUS_WORDS[delivery.status] ?? "");
    row.dataset.good = String(delivery.status >= 200 && delivery.status < 300);
    const took = delivery.duration_ms;
    setText(find(".duration", row), took == null ? "" : `${took < 10 ? Number(took).toFixed(1) : Math.round(took)} ms`);
    return row;
  });
  keepOnly("delivery", state.deliveries.map((delivery) => delivery.id));
  arrange(find(".deliveries tbody"), rows);
  if (!isFirst) arrived.forEach(flash);
}

/** Draws the eye to what has just arrived. */
function flash(element) {
  if (calm.matches) return;
  const colour = getComputedStyle(document.body).getPropertyValue("--flash");
  element.animate([{ backgroundColor: colour }, {}], { duration: 900, easing: "ease-out" });
}

function renderSteps() {
  const hasAnswer = [...waits.values()].some((wait) => wait.phase === "answered" || wait.phase === "settling");
  const step = !selectedKey ? "choose" : hasAnswer ? "watch" : "answer";
  document.body.dataset.step = step;
  for (const item of findAll(".steps li")) {
    if (item.dataset.step === step) item.setAttribute("aria-current", "step");
    else item.removeAttribute("aria-current");
  }
}

function showStopped(isStopped) {
  const notice = find("#stopped");
  if (notice.hasChildNodes() === isStopped) return;
  const command = Object.assign(document.createElement("code"), { textContent: "cargo run --release -- demo" });
  notice.replaceChildren(...(isStopped
    ? ["The demo has stopped; start it again with ", command, ". This page will find it by itself."] : []));
  document.body.classList.toggle("is-stopped", isStopped);
}

// ---------------------------------------------------------------- The controls, built once

function buildControls() {
  for (const { key, points, name, text } of QUESTIONS) {
    const fieldset = find("#question-template").content.firstElementChild.cloneNode(true);
    fieldset.dataset.key = key;
    find("legend", fieldset).textContent = name;
    find(".points", fieldset).textContent = points === 1 ? "1 point." : `${points} points.`;
    find(".question-words", fieldset).textContent = text;
    find(".question-text", fieldset).id = `about-${key}`;
    fieldset.setAttribute("aria-describedby", `about-${key}`);
    for (const input of findAll("input", fieldset)) {
      input.name = key;
      input.addEventListener("change", () => answer(selectedIssue(), key, input.value));
    }
    find(".questions").append(fieldset);
  }
  for (const group of findAll("[data-toggles]")) {
    const buttons = Object.assign(document.createElement("div"), { className: "buttons" });
    buttons.append(...TOGGLES[group.dataset.toggles].map(toggleButton));
    group.append(buttons);
  }
  find("button.state").addEventListener("click", () => {
    const issue = selectedIssue();
    send(issue, "state", { state_event: issue.state === "closed" ? "reopen" : "close" });
  });
}

function toggleButton(title) {
  const button = Object.assign(document.createElement("button"), { type: "button", className: "toggle", textContent: title });
  button.dataset.label = title;
  button.setAttribute("aria-pressed", "false");
  button.addEventListener("click", () => {
    const on = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(on));
    toggle(selectedIssue(), title, on);
  });
  return button;
}

buildControls();
renderSteps();
refresh();
connect();
