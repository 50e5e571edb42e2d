/**
 * Secret keys. Whoever has one is the account it belongs to, and an account is nothing but the digest of its key: any key of the test mode is
 * taken, and each has its own charges. A key comes as a bearer token or as the user name of Basic authentication.
 */
import { hash } from "node:crypto";
import { invalid } from "./stripe-error.ts";

const maxCached = 1_000;
const cached = new Map<string, string>();

/**
 * The account that a request's `authorization` header speaks for.
 * @throws StripeError 401
 */
export function accountOf(authorization: string | undefined): string {
  const known = authorization === undefined ? undefined : cached.get(authorization);
  if (known !== undefined) return known;
  const account = accountOfKey(keyIn(authorization));
  if (cached.size >= maxCached) cached.clear();
  cached.set(authorization!, account);
  return account;
}

function keyIn(authorization: string | undefined): string {
  const [, scheme, credentials] = /^(\w+) +(\S+)\s*$/.exec(authorization ?? "") ?? [];
  switch (scheme?.toLowerCase()) {
    case "bearer":
      return credentials;
    case "basic":
      return Buffer.from(credentials, "base64").toString("latin1").split(":", 1)[0];
    default: {
      const message =
        "You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer auth " +
        "(e.g. 'Authorization: Bearer YOUR_SECRET_KEY'). See https://stripe.com/docs/api#authentication for details, or we " +
        "can help at https://support.stripe.com/.";
      throw invalid(message, { status: 401 });
    }
  }
}

function accountOfKey(key: string): string {
  if (/^[sr]k_test_\w{1,200}$/.test(key)) return `acct_1${hash("sha256", key, "hex").slice(0, 15)}`;
  // Only what tells its owner which key it was.
  const shown =
    key.length > 12
      ? `${key.slice(0, 8).replaceAll(/[^\w]/g, "*")}****${key.slice(-4).replaceAll(/[^\w]/g, "*")}`
      : "****";
  throw invalid(`Invalid API Key provided: ${shown}`, { status: 401 });
}
