import { sql } from 'kysely'

/**
 * That a tenure is open, where it is looked up by its name: said so that no index of open tenures alone fits. PostgreSQL takes
 * a table that was small when it looked last for small still, and any index for as good as that of the names; it would read all
 * open tenures for each name.
 */
export const isOpenTenure = sql.raw<boolean>("coalesce(ended_at, 'infinity') = 'infinity'")
