/** One request as the panel gets it. */
export type Request = {
  method: string
  /** Without a query, encoded as it is sent. */
  path: string
  query: URLSearchParams
  /** The text of a JSON body; left out: it has none. */
  json?: string
  /** Whose token it carries: an admin's, or that of the account of the panel's environment. */
  as: string
}

/** What the panel answers. */
export type Reply = {
  status: number
  contentType: string
  text: string
  /** By the panel's clock, in whole seconds; left out: it does not say. */
  date?: number
}
