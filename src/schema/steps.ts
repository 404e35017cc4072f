import schemaStep from './0002_schema_step.sql';
import documentFaults from './0003_document_faults.sql';
import formOnce from './0004_form_once.sql';
import grantsOfAnotherIssuer from './0005_grants_of_another_issuer.sql';
import listingStamp from './0006_listing_stamp.sql';
import wantedScopes from './0007_wanted_scopes.sql';
import sessionGeneration from './0008_session_generation.sql';
import allowReading from './0009_allow_reading.sql';
import passBaggage from './0010_pass_baggage.sql';
import serverWords from './0011_server_words.sql';
import serverOffers from './0012_server_offers.sql';
import unallowedClients from './0013_unallowed_clients.sql';
import sealedBy from './0014_sealed_by.sql';
import deployment from './0015_deployment.sql';
import removal from './0016_removal.sql';
import grantTerms from './0017_grant_terms.sql';
import auditNames from './0018_audit_names.sql';
import keyLastUsed from './0019_key_last_used.sql';

/** A numbered step from one schema to the next. `sql` is statements separated by `;`. */
export type SchemaStep = { n: number; name: string; sql: string };

/** The schema of the first version, which kept no record of its steps. */
export const FIRST = 1;

/**
 * The steps that lead from the first version's schema to `schema.sql`, in order. Each is applied once, as one transaction.
 * A step that has been released is never changed: what it got wrong, a later one corrects.
 */
export const STEPS: readonly SchemaStep[] = [
  { n: 2, name: 'schema_step', sql: schemaStep },
  { n: 3, name: 'document_faults', sql: documentFaults },
  { n: 4, name: 'form_once', sql: formOnce },
  { n: 5, name: 'grants_of_another_issuer', sql: grantsOfAnotherIssuer },
  { n: 6, name: 'listing_stamp', sql: listingStamp },
  { n: 7, name: 'wanted_scopes', sql: wantedScopes },
  { n: 8, name: 'session_generation', sql: sessionGeneration },
  { n: 9, name: 'allow_reading', sql: allowReading },
  { n: 10, name: 'pass_baggage', sql: passBaggage },
  { n: 11, name: 'server_words', sql: serverWords },
  { n: 12, name: 'server_offers', sql: serverOffers },
  { n: 13, name: 'unallowed_clients', sql: unallowedClients },
  { n: 14, name: 'sealed_by', sql: sealedBy },
  { n: 15, name: 'deployment', sql: deployment },
  { n: 16, name: 'removal', sql: removal },
  { n: 17, name: 'grant_terms', sql: grantTerms },
  { n: 18, name: 'audit_names', sql: auditNames },
  { n: 19, name: 'key_last_used', sql: keyLastUsed },
];
