/** A project file that shows most of what one can say: the reference page prints it, and the tests load it. */
export const PROJECT_EXAMPLE = `# accord.yaml
version: 1

connections:
  crm: { connector: sqlite,   file: \${CRM_FILE} }            # \${NAME}: environment
  erp: { connector: postgres, url: \${ERP_URL} }              # TLS verify-full is the default off loopback

syncs:
  customers:
    sides:                              # order matters where nothing else decides
      crm: { object: contacts, filter: "lifecyclestage == 'customer'" }     # CEL over native fields
      erp: { object: public.customer, archive: { column: status, value: X } }
    match:                              # tried in order; each is a composite key of canonical fields
      - [email, company]
      - [email]
    initial: owner
    policy: newest
    categories:
      contact:    { policy: { owner: [erp, crm], revert: true, blanks: { crm: review } } }
      engagement: { policy: { owner: [crm, erp] } }
    fields:
      email:      { type: email,   crm: email,          erp: email_address, category: contact }
      name:       { type: text,    erp: full_name,
                    crm: { get: "join([firstname, lastname], ' ')", put: { firstname: "firstWords(value)", lastname: "lastWord(value)" } } }
      phone:      { type: phone,   crm: phone,          erp: phone, policy: review, sensitive: true }
      stage:      { type: { enum: [lead, customer, lapsed] },
                    crm: { field: lifecyclestage, values: { lead: lead, customer: customer, lapsed: other } },
                    erp: { field: status,         values: { lead: L, customer: A, lapsed: Z } } }
      address:    { type: group, policy: newest, fields: { street: { type: text, crm: street, erp: street }, city: { type: text, crm: city, erp: town }, postcode: { type: text, crm: zip, erp: postcode } } }
      credit:     { type: decimal, crm: credit__c,      erp: credit_limit, from: erp }     # one direction
      points:     { type: integer, crm: points,         erp: loyalty_points, policy: { counter: { floor: 0 } } }
      tags:       { type: set,     crm: { field: tags, separator: ";" }, erp: labels, policy: set }
      company:    { type: { ref: companies }, crm: associatedcompanyid, erp: company_id }
    ignore:                             # every field that is not mapped is named; the audit insists
      crm: [hs_*, notes]
      erp: [created_at, updated_at]
    deletes: { do: archive, conflict: update-wins }
    guards:  { deletes: 1%, rewrites: { email: 5% } }
    live: true
    quiet: 2s
    sweep: 24h
  companies:
    sides: { crm: { object: companies }, erp: { object: public.company } }
    match: [[name, city]]
    fields:
      name: { type: text, crm: name, erp: name }
      city: { type: text, crm: city, erp: city }
`;
