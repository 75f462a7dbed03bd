// How a client reaches this sandbox.

import { copyable } from "./copy.js";
import { el } from "./dom.js";
import { fact } from "./message.js";
import { Panel } from "./panel.js";

export class ConnectPanel extends Panel {
  constructor(root) {
    super(root, "Connect", "Two kinds of credentials, as at Sinch. Each sees only its own messages; this page shows both.");
    this.content = el("div");
    this.body.append(this.content);
  }

  refresh(overview) {
    if (this.content.childElementCount) return null;
    const { connection, project_connection: project, version } = overview;
    this.content.append(
      el("h2", {}, "Airflow, with the service plan's token"),
      copyable(JSON.stringify(connection, null, 2), "Copy the connection with the service plan's token"),
      el("h2", {}, "Airflow, with the project's key"),
      copyable(JSON.stringify(project, null, 2), "Copy the connection with the project's key"),
      el("h2", {}, "As an environment variable"),
      copyable(`export AIRFLOW_CONN_SINCH_DEFAULT='${JSON.stringify(connection)}'`, "Copy the environment variable"),
      el("h2", {}, "Any other client"),
      el("dl.facts", {},
        fact("SMS API", `${connection.extra.base_url}/xms/v1/${connection.login}`),
        fact("Token endpoint", `${connection.extra.auth_url}/oauth2/token`),
        fact("Described", el("a", { href: "/sandbox/openapi.json" }, "/sandbox/openapi.json")),
        fact("Version", version)));
    return null;
  }
}

