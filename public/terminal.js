// The element that shows a terminal: xterm.js between the page and the websocket of the address in `data-address`.
// What is typed and shown goes as binary messages; a text message is an object, see server/src/http/terminal.rs.
import { Terminal } from "/xterm/xterm.js";
import { FitAddon } from "/xterm/addon-fit.js";

// xterm.js writes style elements of its own, which the page's policy takes only with its nonce.
const nonce = document.querySelector("script[nonce]")?.nonce ?? "";
const create = document.createElement;
document.createElement = function (name, options) {
  const element = create.call(document, name, options);
  if (nonce && String(name).toLowerCase() === "style") element.nonce = nonce;
  return element;
};

const sheet = document.createElement("link");
sheet.rel = "stylesheet";
sheet.href = "/xterm/xterm.css";
document.head.append(sheet);

// The colours of the page, as numbers that a canvas understands.
function colour(element, property) {
  const probe = document.createElement("canvas").getContext("2d");
  probe.fillStyle = getComputedStyle(element)[property];
  probe.fillRect(0, 0, 1, 1);
  const [red, green, blue] = probe.getImageData(0, 0, 1, 1).data;
  return `rgb(${red}, ${green}, ${blue})`;
}

class CanopyTerminal extends HTMLElement {
  connectedCallback() {
    this.open();
  }

  static observedAttributes = ["data-address"];

  // Another container was chosen. The page's program also sets the address that is there when it comes alive.
  attributeChangedCallback(_name, before, after) {
    if (before === null || before === after || !this.isConnected) return;
    this.disconnectedCallback();
    this.open();
  }

  disconnectedCallback() {
    this.resized?.disconnect();
    this.socket?.close();
    this.terminal?.dispose();
    this.terminal = undefined;
  }

  open() {
    this.replaceChildren();
    Object.assign(this.style, { display: "block", height: "100%" });
    const around = this.parentElement ?? this;
    const foreground = colour(around, "color");
    const terminal = new Terminal({
      cursorBlink: true,
      fontFamily: getComputedStyle(document.documentElement).getPropertyValue("--mono"),
      fontSize: 13,
      scrollback: 5000,
      screenReaderMode: false,
      theme: { background: colour(around, "backgroundColor"), foreground, cursor: foreground },
    });
    const fit = new FitAddon();
    terminal.loadAddon(fit);
    terminal.open(this);
    fit.fit();
    this.terminal = terminal;

    const address = new URL(this.dataset.address, location.href);
    address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    address.searchParams.set("columns", terminal.cols);
    address.searchParams.set("rows", terminal.rows);
    const socket = new WebSocket(address);
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    const encoder = new TextEncoder();
    const send = (message) => socket.readyState === WebSocket.OPEN && socket.send(message);
    terminal.onData((text) => send(encoder.encode(text)));
    terminal.onBinary((text) => send(Uint8Array.from(text, (letter) => letter.charCodeAt(0))));
    terminal.onResize(({ cols, rows }) => send(JSON.stringify({ columns: cols, rows })));
    this.resized = new ResizeObserver(() => fit.fit());
    this.resized.observe(this);

    let last = "";
    socket.addEventListener("open", () => {
      this.dataset.state = "open";
      terminal.focus();
    });
    socket.addEventListener("message", ({ data }) => {
      if (typeof data === "string") last = JSON.parse(data).ended || last;
      else terminal.write(new Uint8Array(data));
    });
    socket.addEventListener("close", () => {
      this.dataset.state = "closed";
      if (this.terminal !== terminal) return;
      const words = last || "The connection could not be made, or was cut. You may lack the right to open terminals here.";
      terminal.write(`\r\n${words} Press Enter to open it again.\r\n`);
      const again = terminal.onData((text) => {
        if (text !== "\r") return;
        again.dispose();
        this.resized?.disconnect();
        terminal.dispose();
        this.open();
      });
    });
  }
}

customElements.define("canopy-terminal", CanopyTerminal);
