/**
 * Three etcd servers of Debian as child processes on free ports of 127.0.0.1, with their data in the bench's folder and their
 * durability as it comes: each synchronizes its log before it acknowledges an entry, and an answered put is on two disks of three.
 * Only their own log is turned down to errors, which is in their favour.
 */
import { join } from "node:path";
import type { Bench, Launched, Target } from "./processes.ts";
import { freePorts, launch, ready } from "./processes.ts";

export interface EtcdCluster {
  /** "3.4.23". */
  readonly version: string;
  /** The member that leads now, by its base URL; the cost is that of all members. */
  readonly leader: () => Promise<Target>;
}

const members = 3;

/** @throws Error when a member does not become healthy */
export async function startEtcd(bench: Bench): Promise<EtcdCluster> {
  const ports = await freePorts(2 * members);
  const urls = ports.map((port) => `http://127.0.0.1:${port}`);
  const [clientUrls, peerUrls] = [urls.slice(0, members), urls.slice(members)];
  const cluster = peerUrls.map((url, member) => `member${member}=${url}`).join(",");
  const servers = clientUrls.map((clientUrl, member): Launched => {
    const name = `member${member}`;
    const flags = {
      name,
      "data-dir": join(bench.folder, name),
      "listen-client-urls": clientUrl,
      "advertise-client-urls": clientUrl,
      "listen-peer-urls": peerUrls[member],
      "initial-advertise-peer-urls": peerUrls[member],
      "initial-cluster": cluster,
      "initial-cluster-token": bench.folder,
      "initial-cluster-state": "new",
      logger: "zap",
      "log-level": "error",
    };
    const command = Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`);
    return launch(bench, { name: `etcd-${name}`, command: ["etcd", ...command] });
  });
  for (const [member, server] of servers.entries()) await ready(bench, server, () => healthy(clientUrls[member]));
  const { etcdserver } = (await (await fetch(`${clientUrls[0]}/version`)).json()) as { etcdserver: string };
  const pids = servers.map(({ child }) => child.pid!);
  const leader = async (): Promise<Target> => ({
    url: await ready(bench, servers[0], () => leaderOf(clientUrls)),
    pids,
  });
  return { version: etcdserver, leader };
}

async function healthy(url: string): Promise<true | undefined> {
  const { health } = (await (await fetch(`${url}/health`)).json()) as { health: string };
  return health === "true" ? true : undefined;
}

async function leaderOf(urls: readonly string[]): Promise<string | undefined> {
  for (const url of urls) {
    const response = await fetch(`${url}/v3/maintenance/status`, { method: "POST", body: "{}" });
    const status = (await response.json()) as { header: { member_id: string }; leader?: string };
    if (status.leader === status.header.member_id) return url;
  }
  return undefined;
}
