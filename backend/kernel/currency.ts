/**
 * Currencies that charges are made in: how many decimals their amounts have, and the least that can be charged. From Stripe's documentation,
 * "Supported currencies": amounts are whole numbers of the smallest unit.
 */
export interface Currency {
  readonly decimals: 0 | 2;
  readonly symbol: string;
  /** In smallest units. */
  readonly least: number;
}

const currencies: ReadonlyMap<string, Currency> = new Map([
  ["usd", { decimals: 2, symbol: "$", least: 50 }],
  ["aed", { decimals: 2, symbol: "", least: 200 }],
  ["aud", { decimals: 2, symbol: "$", least: 50 }],
  ["bgn", { decimals: 2, symbol: "", least: 100 }],
  ["brl", { decimals: 2, symbol: "R$", least: 50 }],
  ["cad", { decimals: 2, symbol: "$", least: 50 }],
  ["chf", { decimals: 2, symbol: "", least: 50 }],
  ["czk", { decimals: 2, symbol: "", least: 1_500 }],
  ["dkk", { decimals: 2, symbol: "", least: 250 }],
  ["eur", { decimals: 2, symbol: "\u20ac", least: 50 }],
  ["gbp", { decimals: 2, symbol: "\u00a3", least: 30 }],
  ["hkd", { decimals: 2, symbol: "$", least: 400 }],
  ["inr", { decimals: 2, symbol: "\u20b9", least: 50 }],
  ["jpy", { decimals: 0, symbol: "\u00a5", least: 50 }],
  ["mxn", { decimals: 2, symbol: "$", least: 1_000 }],
  ["myr", { decimals: 2, symbol: "", least: 200 }],
  ["nok", { decimals: 2, symbol: "", least: 300 }],
  ["nzd", { decimals: 2, symbol: "$", least: 50 }],
  ["pln", { decimals: 2, symbol: "", least: 200 }],
  ["ron", { decimals: 2, symbol: "", least: 200 }],
  ["sek", { decimals: 2, symbol: "", least: 300 }],
  ["sgd", { decimals: 2, symbol: "$", least: 50 }],
  ["thb", { decimals: 2, symbol: "", least: 1_000 }],
]);

export const currencyCodes: readonly string[] = [...currencies.keys()];

/** By its code in lower case. */
export function currencyOf(code: string): Currency | undefined {
  return currencies.get(code);
}

/** An amount as people write it: $12.50. A currency without a symbol is a bare number. */
export function moneyText(amount: number, code: string): string {
  const { decimals, symbol } = currencies.get(code) ?? { decimals: 0, symbol: "" };
  if (decimals === 0) return symbol + grouped(amount);
  const cents = amount % 100;
  return `${symbol}${grouped((amount - cents) / 100)}.${cents < 10 ? "0" : ""}${cents}`;
}

function grouped(n: number): string {
  return String(n).replaceAll(/\B(?=(\d{3})+$)/g, ",");
}
