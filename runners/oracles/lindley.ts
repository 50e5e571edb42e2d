/**
 * What a first-come first-served station must do with these very arrivals and service times: each begins when it has come and a
 * server is free (Lindley, 1952, for one server; Kiefer and Wolfowitz, 1955, for several). Where theory's mean would need hours of
 * load to be told from chance, this is exact for any length.
 */

/** Times in the system, in the arrivals' unit and order. */
export function sojourns(arrivals: readonly number[], services: readonly number[], servers: number): Float64Array {
  const freeAt = new Float64Array(servers);
  return Float64Array.from(arrivals, (at, i) => {
    let first = 0;
    for (let server = 1; server < servers; server++) if (freeAt[server] < freeAt[first]) first = server;
    const ends = Math.max(at, freeAt[first]) + services[i];
    freeAt[first] = ends;
    return ends - at;
  });
}
