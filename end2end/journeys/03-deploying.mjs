// The main job: what was deployed answers at its own host name, and a deployment can be watched.
import http from "node:http";
import { go, hydrated, signedIn, silent } from "../browser.mjs";

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
  await page.waitForFunction(
    async (id) => {
      const response = await fetch(`/api/v1/deployments.get?id=${id}`);
      return ["succeeded", "failed", "cancelled"].includes((await response.json()).status);
    },
    id,
    { timeout: 180_000, polling: 500 },
  );
  watching = false;
  await load;
  const deployment = await platform.call(page, "deployments.get", { id });
  if (deployment.status !== "succeeded") throw new Error(JSON.stringify(deployment.failure));
  if (failed > 0) throw new Error(`${failed} of ${asked} requests failed during the deployment`);
  // The page followed by itself, without a reload.
  await page.getByText(/Live|Succeeded/).first().waitFor({ timeout: 15_000 });
  silent(page);
  await page.context().close();
}
