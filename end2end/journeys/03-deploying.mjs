// The main job: what was deployed answers at its own host name, and a deployment can be watched.
import http from "node:http";
import { go, hydrated, signedIn, silent, sound } from "../browser.mjs";

function ask(port, host, path = "/") {
  return new Promise((done, refused) => {
    http
      .get({ host: "127.0.0.1", port, path, headers: { host } }, (response) => {
        let text = "";
        response.on("data", (chunk) => (text += chunk));
        response.on("end", () => done({ status: response.statusCode, text }));
      })
      .on("error", refused);
  });
}

export async function the_samples_answer_at_their_host_names({ platform }) {
  for (const host of ["hello.localhost", "clock.localhost"]) {
    const { status, text } = await ask(platform.httpPort, host);
    if (status !== 200 || text.length === 0) throw new Error(`${host} answered ${status} ${text}`);
  }
  const unknown = await ask(platform.httpPort, "unknown.localhost");
  if (unknown.status !== 404) throw new Error(`an unknown host answered ${unknown.status}`);
}

export async function a_deployment_is_watched_to_its_end_while_the_old_version_serves(given) {
  const { platform } = given;
  const page = await signedIn(given);
  await go(page, "/projects");
  const { items } = await platform.call(page, "applications.list", { search: "clock" });
  await go(page, `/applications/${items[0].id}`);
  let failed = 0;
  let asked = 0;
  let watching = true;
  const load = (async () => {
    while (watching) {
      asked += 1;
      const { status } = await ask(platform.httpPort, "clock.localhost", "/healthz").catch(() => ({ status: 0 }));
      if (status !== 200) failed += 1;
    }
  })();
  await page.getByRole("button", { name: /^Deploy$/ }).first().click();
  await page.waitForURL(/\/deployments\/[0-9a-f-]{36}/);
  await hydrated(page);
  const id = page.url().split("/").pop().split("?")[0];
  const deadline = Date.now() + 180_000;
  let deployment;
  do {
    deployment = await platform.call(page, "deployments.get", { id });
  } while (["queued", "running"].includes(deployment.status) && Date.now() < deadline);
  watching = false;
  await load;
  if (deployment.status !== "succeeded") throw new Error(`${deployment.status}: ${JSON.stringify(deployment.failure)}`);
  if (failed > 0) throw new Error(`${failed} of ${asked} requests failed during the deployment`);
  // The page follows by itself, and says what is true now.
  await page.getByText("It serves clock.localhost").first().waitFor();
  await page.getByRole("log").getByText(/./).first().waitFor();
  silent(page);
  await page.context().close();
}

// Streams are refused, as some proxies do: the page looks again instead, and a failure says what to do.
export async function a_failed_deployment_is_explained_also_without_a_stream(given) {
  const { platform } = given;
  const page = await signedIn(given);
  await page.route("**/deployments.events*", (route) => route.abort());
  await go(page, "/projects");
  const { items } = await platform.call(page, "applications.list", { search: "hello" });
  const { source } = await platform.call(page, "applications.get", { id: items[0].id });
  await platform.call(page, "applications.update", { id: items[0].id, source: { ...source, branch: "no-such-branch" } });
  await go(page, `/applications/${items[0].id}`);
  await page.getByRole("button", { name: /^Deploy$/ }).first().click();
  await page.waitForURL(/\/deployments\/[0-9a-f-]{36}/);
  await page.getByText("What to do").first().waitFor();
  await page.getByText("no-such-branch").first().waitFor();
  await sound(page);
  const { status } = await ask(platform.httpPort, "hello.localhost");
  if (status !== 200) throw new Error(`what served before answers ${status}`);
  await platform.call(page, "applications.update", { id: items[0].id, source });
  await page.context().close();
}
