// The program under test: `canopy serve --demo` on ports and a data folder of its own.
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";

const root = resolve(import.meta.dirname, "..");
const binary = process.env.CANOPY_BINARY ?? join(root, "target/debug/canopy");

function freePort() {
  return new Promise((done, refused) => {
    const server = createServer();
    server.on("error", refused);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => done(port));
    });
  });
}

export class Platform {
  static async start() {
    const platform = new Platform();
    platform.folder = mkdtempSync(join(tmpdir(), "canopy-end2end-"));
    platform.port = await freePort();
    platform.httpPort = await freePort();
    platform.httpsPort = await freePort();
    platform.url = `http://127.0.0.1:${platform.port}`;
    platform.environment = {
      ...process.env,
      CANOPY_DATA: join(platform.folder, "data"),
      CANOPY_LISTEN: `127.0.0.1:${platform.port}`,
      CANOPY_HTTP_PORT: String(platform.httpPort),
      CANOPY_HTTPS_PORT: String(platform.httpsPort),
      CANOPY_SITE: join(root, "target/site"),
      CANOPY_RATE_LIMIT_FACTOR: "100",
      CANOPY_LOG: "warn",
    };
    await platform.launch();
    return platform;
  }

  async launch() {
    this.process = spawn(binary, ["serve", "--demo", join(root, "examples")], {
      cwd: root,
      env: this.environment,
      stdio: ["ignore", "pipe", "inherit"],
    });
    this.links = this.links ?? {};
    await new Promise((ready, refused) => {
      const late = setTimeout(() => refused(new Error("the demo was not ready within 10 minutes")), 600_000);
      this.process.on("exit", (code) => refused(new Error(`canopy ended with ${code}`)));
      createInterface({ input: this.process.stdout }).on("line", (line) => {
        console.log(`canopy: ${line.replace(/(Password, shown once: ).*/, "$1…")}`);
        this.password = line.match(/^Password, shown once: (.*)$/)?.[1] ?? this.password;
        const link = line.match(/^(\w+): (http\S+)$/);
        if (link) this.links[link[1]] = link[2];
        if (line.startsWith("The demo is ready")) {
          clearTimeout(late);
          ready();
        }
        if (line.startsWith("The demo could not")) refused(new Error(line));
      });
    });
  }

  get email() {
    return "demo@localhost";
  }

  // Calls an operation as the signed-in page does.
  async call(page, operation, input = {}) {
    return page.evaluate(
      async ([operation, input]) => {
        const response = await fetch(`/api/v1/${operation}`, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify(input),
        });
        const body = await response.json();
        if (!response.ok) throw new Error(`${operation}: ${response.status} ${JSON.stringify(body)}`);
        return body;
      },
      [operation, input],
    );
  }

  // Ends the program and removes what its instance has on the engine; answers what should not have been there.
  async stop() {
    const ended = new Promise((done) => this.process.once("exit", done));
    this.process.removeAllListeners("exit");
    this.process.kill("SIGTERM");
    const exit = new Promise((done) => this.process.once("exit", done));
    await Promise.race([ended, exit]);
    const instance = this.instance();
    const left = [];
    if (instance) {
      const label = `label=canopy.instance=${instance}`;
      const list = (...words) => execFileSync("docker", words, { encoding: "utf8" }).split("\n").filter(Boolean);
      const containers = list("ps", "-aq", "--filter", label);
      // Builders have no role; what serves and the proxy are expected.
      const stray = list("ps", "-a", "--filter", label, "--format", '{{.Names}} {{.Label "canopy.role"}}').filter((line) => !/ (application|proxy)$/.test(line));
      left.push(...stray);
      if (containers.length > 0) execFileSync("docker", ["rm", "-fv", ...containers], { stdio: "ignore" });
      const images = list("images", "-q", "--filter", label);
      if (images.length > 0) execFileSync("docker", ["rmi", "-f", ...new Set(images)], { stdio: "ignore" });
      const networks = list("network", "ls", "-q", "--filter", label);
      if (networks.length > 0) execFileSync("docker", ["network", "rm", ...networks], { stdio: "ignore" });
    }
    rmSync(this.folder, { recursive: true, force: true });
    return left;
  }

  // The instance is in the name of its proxy, which publishes our port.
  instance() {
    const names = execFileSync("docker", ["ps", "-a", "--filter", `publish=${this.httpPort}`, "--format", '{{.Label "canopy.instance"}}'], { encoding: "utf8" });
    return names.trim().split("\n")[0];
  }
}
