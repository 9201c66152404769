// The live link over /ws/client. Emits CustomEvents on `live`: `frame:<type>` for each message,
// `refetch` when events were missed, `link` with {state: live | connecting | down | ended}.
//
// Frames are taken in as they come and told between two paints, in their order, for at most a part
// of each: whatever arrives, the page still answers its reader. Metrics of one device that nobody
// has been told yet become one frame.
import { recover } from "./session.js";
import { trustServerTime } from "./time.js";

const FIRST_DELAY_MS = 1000;
const LONGEST_DELAY_MS = 30000;
const PING_MS = 25000;
const ANSWER_MS = 10000;
const SESSION_ENDED = 4401;
const TOO_SLOW = 4429;
const TELLING_MS = 6;
const HIDDEN_MS = 250; // a hidden page paints nothing

class Live extends EventTarget {
  #socket = null;
  #attempt = 0;
  #retry = 0;
  #ping = 0;
  #deadline = 0;
  #seen = new Map(); // tenant -> last sequence number applied
  #inbox = [];
  #unread = new Map(); // device -> its metrics in the inbox
  #isDue = false;

  start(rendered) {
    this.#seen = new Map(Object.entries(rendered));
    this.#connect();
    addEventListener("online", () => this.#hurry());
    addEventListener("offline", () => this.#drop());
    document.addEventListener("session:back", () => {
      if (!this.#socket) this.#connect();
    });
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) this.#hurry();
      this.#isDue = false; // a paint that was waited for does not come to a hidden page
      if (this.#inbox.length) this.#tellSoon();
    });
  }

  #connect() {
    clearTimeout(this.#retry);
    this.#retry = 0;
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(`${scheme}//${location.host}/ws/client`);
    this.#socket = socket;
    this.#expectAnswer();
    socket.addEventListener("message", (event) => {
      if (socket === this.#socket) this.#receive(event.data);
    });
    socket.addEventListener("close", (event) => {
      if (socket === this.#socket) this.#closed(event.code);
    });
  }

  #receive(data) {
    this.#keepAlive();
    let frame;
    try {
      frame = JSON.parse(data);
    } catch {
      return;
    }
    if (frame.type === "pong") return;
    if (frame.type === "metrics" && this.#joins(frame)) return;
    this.#inbox.push(frame);
    if (frame.type === "hello") this.#tell(Infinity);
    else this.#tellSoon();
  }

  #joins(frame) {
    const unread = this.#unread.get(frame.device_uid);
    if (unread) {
      unread.at = frame.at;
      Object.assign(unread.metrics, frame.metrics);
    } else {
      this.#unread.set(frame.device_uid, frame);
    }
    return Boolean(unread);
  }

  #tellSoon() {
    if (this.#isDue) return;
    this.#isDue = true;
    const tell = () => {
      this.#isDue = false;
      this.#tell(TELLING_MS);
    };
    if (document.hidden) setTimeout(tell, HIDDEN_MS);
    else requestAnimationFrame(tell);
  }

  #tell(budget) {
    const until = performance.now() + budget;
    let told = 0;
    for (; told < this.#inbox.length && performance.now() < until; told += 1) {
      this.#take(this.#inbox[told]);
    }
    this.#inbox.splice(0, told);
    if (this.#inbox.length) this.#tellSoon();
  }

  #take(frame) {
    if (frame.type === "hello") this.#hello(frame);
    else if (frame.type === "refetch") this.#missed(frame);
    else if (frame.type === "streams") this.#follows(frame);
    else {
      if (frame.type === "metrics") this.#unread.delete(frame.device_uid);
      if (this.#inOrder(frame)) this.#emit(`frame:${frame.type}`, frame);
    }
  }

  // The page says how far its rendering had got: the server sends what came after, also after a
  // lost link, or says that it no longer can.
  #hello(frame) {
    trustServerTime(frame.server_time);
    this.#attempt = 0;
    for (const [tenant, seq] of Object.entries(frame.streams ?? {})) {
      if (!this.#seen.has(tenant)) {
        this.#seen.set(tenant, seq);
        this.#emit("refetch"); // a tenant the page does not know of yet
      }
    }
    this.#send({ type: "resume", streams: Object.fromEntries(this.#seen) });
    this.#emit("link", { state: "live" });
  }

  #missed(frame) {
    if (frame.tenant) this.#seen.set(frame.tenant, frame.seq);
    this.#emit("refetch");
  }

  // The user has joined or left a tenant, or sees other devices of one.
  #follows(frame) {
    this.#seen = new Map(Object.entries(frame.streams));
    this.#emit("refetch");
  }

  #inOrder({ tenant, seq, after = seq - 1 }) {
    if (typeof seq !== "number") return true;
    const last = this.#seen.get(tenant);
    if (last !== undefined && seq <= last) return false;
    this.#seen.set(tenant, seq);
    if (last !== undefined && after > last) this.#emit("refetch");
    return true;
  }

  #keepAlive() {
    clearTimeout(this.#deadline);
    clearTimeout(this.#ping);
    this.#ping = setTimeout(() => {
      this.#send({ type: "ping" });
      this.#expectAnswer();
    }, PING_MS);
  }

  #expectAnswer() {
    clearTimeout(this.#deadline);
    const socket = this.#socket;
    this.#deadline = setTimeout(() => {
      if (socket === this.#socket) this.#drop();
    }, ANSWER_MS);
  }

  // A half-open socket may take minutes to say that it closed.
  #drop() {
    const socket = this.#socket;
    if (!socket) return;
    this.#socket = null;
    socket.close();
    this.#closed(0);
  }

  #closed(code) {
    clearTimeout(this.#ping);
    clearTimeout(this.#deadline);
    this.#socket = null;
    if (code === SESSION_ENDED) {
      this.#sessionEnded();
      return;
    }
    this.#emit("link", { state: "down" });
    this.#attempt += code === TOO_SLOW ? 3 : 1;
    const ceiling = Math.min(FIRST_DELAY_MS * 2 ** (this.#attempt - 1), LONGEST_DELAY_MS);
    // Full jitter: a restarted server is not met by all browsers in the same second.
    this.#retry = setTimeout(() => this.#connect(), 250 + Math.random() * ceiling);
  }

  async #sessionEnded() {
    this.#emit("link", { state: "ended" });
    // Another caller may have been first, and `session:back` may have connected.
    if ((await recover()) && !this.#socket) this.#connect();
  }

  #hurry() {
    if (this.#retry) this.#connect();
  }

  #send(message) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  #emit(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

export const live = new Live();
