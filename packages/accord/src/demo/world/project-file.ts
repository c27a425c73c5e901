/** The demo's project file: what a user would write for these two systems. */
export function projectFile(erpUrl: string): string {
  return `# The demo's project: a CRM kept in SQLite and an ERP in PostgreSQL.
version: 1
installation: demo
region: DE                                # of telephone numbers without a country code

connections:
  crm: { connector: sqlite, file: crm.db }
  erp: { connector: postgres, url: "${erpUrl}" }   # your own project says \${ERP_URL} here: secrets stay in the environment

syncs:
  companies:                              # parents first: customers refer to them
    sides:
      crm: { object: companies }
      erp: { object: public.company }
    match: [[domain], [name, city]]
    fields:
      name:   { type: text, crm: name, erp: name }
      domain: { type: text, crm: domain, erp: web_domain }
      city:   { type: text, crm: city, erp: town }

  customers:
    sides:
      crm: { object: contacts, archive: { column: archived, value: "1", restored: "0" } }
      erp: { object: public.customer, archive: { column: archived, value: "true", restored: "false" } }
    match: [[email]]
    policy: newest
    fields:
      email:   { type: email, crm: email, erp: email_address }
      name:    { type: text, erp: full_name,
                 crm: { get: "join([first_name, last_name], ' ')", put: { first_name: "firstWords(value)", last_name: "lastWord(value)" } } }
      phone:   { type: phone, crm: phone, erp: phone, policy: review }       # nobody guesses which number is right
      stage:   { type: { enum: [lead, customer, lapsed] }, crm: stage,
                 erp: { field: status, values: { lead: L, customer: A, lapsed: Z } } }
      company: { type: { ref: companies }, crm: company_id, erp: company_no }
      credit:  { type: decimal, crm: credit_limit, erp: credit_limit, from: erp }   # the ERP alone decides
    ignore:
      erp: [updated_at]
    guards: { deletes: 5% }

  products:
    sides:
      erp: { object: public.product }
      crm: { object: products }
    match: [[sku]]
    fields:
      sku:   { type: text, erp: sku, crm: sku }
      name:  { type: text, erp: name, crm: name }
      stock: { type: integer, erp: stock, crm: stock, policy: { counter: { floor: 0 } } }
`;
}
