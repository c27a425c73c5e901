import { createDice } from "./dice.ts";
import type { Dice } from "./dice.ts";

/** The two systems before Accord meets them: overlapping, differing, and with a few records twice. Plain rows of the tables in crm.ts and erp.ts. */
export interface World {
  readonly crm: {
    readonly companies: readonly CrmCompany[];
    readonly contacts: readonly CrmContact[];
    readonly products: readonly Product[];
  };
  readonly erp: {
    readonly companies: readonly ErpCompany[];
    readonly customers: readonly ErpCustomer[];
    readonly products: readonly Product[];
  };
}

export interface CrmCompany {
  readonly id: number;
  readonly name: string;
  readonly domain: string;
  readonly city: string;
}
export interface CrmContact {
  readonly id: number;
  readonly firstName: string | null;
  readonly lastName: string;
  readonly email: string;
  readonly phone: string | null;
  readonly stage: string;
  readonly company: number | null;
  readonly leadScore: number;
}
export interface ErpCompany {
  readonly number: number;
  readonly name: string;
  readonly domain: string;
  readonly town: string;
}
export interface ErpCustomer {
  readonly number: number;
  readonly fullName: string;
  readonly email: string;
  readonly phone: string | null;
  readonly status: string;
  readonly company: number | null;
  readonly creditLimit: string;
  readonly vatId: string | null;
}
export interface Product {
  readonly sku: string;
  readonly name: string;
  readonly stock: number;
}

const COMPANIES = 60;
const PEOPLE = 280;
/** Of a hundred people, so many are in the CRM alone; as many again in the ERP alone. */
const ONE_SIDED_PERCENT = 16;
/** Records that someone entered twice, by the place of their person. */
const TWINS_CRM = [40, 120];
const TWINS_ERP = [200];

/** Makes the world. The same seed makes the same one. */
export function createWorld(seed: number): World {
  const dice = createDice(seed);
  const companies = makeCompanies(dice);
  const people = makePeople(dice, companies.length);
  const crmCompanies = companies.filter((_, place) => place % 10 !== 9);
  const erpCompanies = companies.filter((_, place) => place % 10 !== 4);
  const crmIds = new Map(crmCompanies.map((company, place) => [company.place, place + 1]));
  const erpIds = new Map(erpCompanies.map((company, place) => [company.place, 5_001 + place]));
  const contacts = people.filter(({ where }) => where !== "erp").map((person, place) => contactOf(person, place + 1, crmIds));
  const customers = people.filter(({ where }) => where !== "crm").map((person, place) => customerOf(dice, person, 10_001 + place, erpIds));
  return {
    crm: {
      companies: crmCompanies.map(({ name, domain, city }, place) => ({ id: place + 1, name, domain, city })),
      contacts: [...contacts, ...twins(people, TWINS_CRM, contacts, "id")],
      products: PRODUCTS.map((name, place) => ({ sku: skuOf(place), name, stock: 20 + place })),
    },
    erp: {
      companies: erpCompanies.map(({ name, domain, city, place }, index) => ({
        number: 5_001 + index,
        name,
        domain,
        town: place % 12 === 7 ? city.toUpperCase() : city,
      })),
      customers: [...customers, ...twins(people, TWINS_ERP, customers, "number")],
      products: PRODUCTS.map((name, place) => ({ sku: skuOf(place), name, stock: place % 8 === 3 ? 22 + place : 20 + place })),
    },
  };
}

interface Company {
  readonly place: number;
  readonly name: string;
  readonly domain: string;
  readonly city: string;
}

function makeCompanies(dice: Dice): Company[] {
  return Array.from({ length: COMPANIES }, (_, place) => {
    const word = COMPANY_WORDS[place % COMPANY_WORDS.length] ?? "Nord";
    const trade = COMPANY_TRADES[Math.floor(place / COMPANY_WORDS.length) % COMPANY_TRADES.length] ?? "Handel";
    const name = `${word} ${trade} ${dice.pick(["GmbH", "AG", "KG", "Ltd"])}`;
    return { place, name, domain: `${word}-${trade}.example`.toLowerCase(), city: dice.pick(CITIES) };
  });
}

interface Person {
  readonly place: number;
  readonly where: "both" | "crm" | "erp";
  readonly first: string;
  readonly last: string;
  readonly email: string;
  readonly line: string | null;
  readonly stage: "lead" | "customer" | "lapsed";
  readonly company: number | null;
}

function makePeople(dice: Dice, companies: number): Person[] {
  return Array.from({ length: PEOPLE }, (_, place) => {
    const first = FIRST_NAMES[place % FIRST_NAMES.length] ?? "Anna";
    const last = LAST_NAMES[(place * 7 + Math.floor(place / FIRST_NAMES.length)) % LAST_NAMES.length] ?? "Berg";
    const company = dice.chance(85) ? dice.roll(companies) : null;
    const share = dice.roll(100);
    const isTwin = TWINS_CRM.includes(place) || TWINS_ERP.includes(place);
    const where = isTwin || place < 10 || share >= ONE_SIDED_PERCENT * 2 ? "both" : share < ONE_SIDED_PERCENT ? "crm" : "erp";
    return {
      place,
      where,
      first,
      last,
      email: `${plain(first)}.${plain(last)}${place}@mail.example`,
      // Numbers that the German regulator keeps free for films and books: (0)30 23125 000 to 999.
      line: dice.chance(90) ? String(100 + place).padStart(3, "0") : null,
      stage: dice.pick(["lead", "customer", "customer", "customer", "lapsed"]),
      company,
    };
  });
}

function contactOf(person: Person, id: number, companies: ReadonlyMap<number, number>): CrmContact {
  const company = person.company === null ? null : (companies.get(person.company) ?? null);
  return {
    id,
    firstName: person.first,
    lastName: person.last,
    email: person.email,
    phone: person.line === null ? null : `+49 30 23125 ${person.line}`,
    stage: person.stage,
    company,
    leadScore: (person.place * 37) % 100,
  };
}

/** The ERP's clerks write things their own way, and know some things better. */
function customerOf(dice: Dice, person: Person, number: number, companies: ReadonlyMap<number, number>): ErpCustomer {
  const stage = person.place >= 10 && dice.chance(8) ? "lapsed" : person.stage;
  const first = person.place >= 10 && dice.chance(6) ? `${person.first} Maria` : person.first;
  return {
    number,
    fullName: `${first} ${person.last}`,
    email: dice.chance(10) ? person.email.toUpperCase() : person.email,
    phone: person.line === null || dice.chance(12) ? null : `030/23125${person.line}`,
    status: { lead: "L", customer: "A", lapsed: "Z" }[stage],
    company: person.company === null ? null : (companies.get(person.company) ?? null),
    creditLimit: `${500 * (1 + dice.roll(20))}.00`,
    vatId: dice.chance(40) ? `DE${String(100_000_000 + person.place * 7_919)}` : null,
  };
}

/** The same person again, under another number and with another telephone. */
function twins<Row extends { readonly email: string; readonly phone: string | null }>(
  people: readonly Person[],
  places: readonly number[],
  rows: readonly Row[],
  key: keyof Row,
): Row[] {
  return places.flatMap((place, index) => {
    const email = people.find((person) => person.place === place)?.email.toLowerCase();
    const row = rows.find((candidate) => candidate.email.toLowerCase() === email);
    const last = Number(rows.at(-1)?.[key] ?? 0);
    return row === undefined ? [] : [{ ...row, [key]: last + 1 + index, phone: `+49 30 23125 00${index + 1}` }];
  });
}

function skuOf(place: number): string {
  return `SKU-${String(1_001 + place)}`;
}

/** For addresses: letters a to z alone. */
function plain(name: string): string {
  return name
    .toLowerCase()
    .replaceAll("ä", "ae")
    .replaceAll("ö", "oe")
    .replaceAll("ü", "ue")
    .replaceAll("ß", "ss")
    .normalize("NFD")
    .replaceAll(/[^a-z]/g, "");
}

const CITIES = ["Berlin", "Hamburg", "München", "Köln", "Leipzig", "Dresden", "Bremen", "Wien", "Zürich", "Graz"] as const;
const COMPANY_WORDS = [
  "Nordlicht",
  "Hansa",
  "Alpen",
  "Spree",
  "Elbe",
  "Rhein",
  "Falken",
  "Linden",
  "Kiefer",
  "Anker",
  "Morgen",
  "Silber",
  "Brücken",
  "Garten",
  "Wald",
].map((word) => word.replace("ü", "ue"));
const COMPANY_TRADES = ["Handel", "Technik", "Logistik", "Medien"];
const FIRST_NAMES = [
  "Anna",
  "Ben",
  "Clara",
  "David",
  "Elif",
  "Finn",
  "Greta",
  "Hannes",
  "Ida",
  "Jonas",
  "Klara",
  "Leon",
  "Mila",
  "Nils",
  "Olga",
  "Paul",
  "Rosa",
  "Sören",
  "Tilda",
  "Uwe",
  "Vera",
  "Willi",
  "Yara",
  "Zoé",
];
const LAST_NAMES = [
  "Berg",
  "Vogel",
  "Sommer",
  "Krüger",
  "Lindner",
  "Özdemir",
  "Novak",
  "Roth",
  "Fuchs",
  "Jansen",
  "Köhler",
  "Weiß",
  "Brandt",
  "Horn",
  "Seidel",
  "Lorenz",
  "Kaiser",
  "Pohl",
  "Marek",
  "Graf",
  "Stein",
];
const PRODUCTS = [
  "Desk lamp",
  "Office chair",
  "Standing desk",
  "Whiteboard",
  "Desk pad",
  "Monitor arm",
  "Cable tray",
  "Footrest",
  "Coat stand",
  "Shelf",
  "Drawer unit",
  "Phone booth",
  "Plant pot",
  "Waste bin",
  "Wall clock",
  "Door mat",
];
