/** What Swagger UI needs on a screen that is narrow: long paths break, wide tables scroll, parameters stand below each other. */
export const narrowScreens = `
.swagger-ui .info .title { overflow-wrap: anywhere; }
.swagger-ui .markdown table, .swagger-ui .renderedMarkdown table { display: block; overflow-x: auto; }
.swagger-ui .opblock .opblock-summary-path { max-width: 100%; overflow-wrap: anywhere; }
.swagger-ui pre, .swagger-ui .microlight { overflow-x: auto; }
@media (max-width: 640px) {
  .swagger-ui .wrapper, .swagger-ui .information-container.wrapper { padding: 0 8px; }
  .swagger-ui .info { margin: 16px 0; }
  .swagger-ui .scheme-container .schemes { flex-direction: column; align-items: stretch; }
  .swagger-ui .opblock .opblock-summary { flex-wrap: wrap; }
  .swagger-ui .opblock .opblock-summary-method { min-width: 64px; padding: 6px 0; }
  .swagger-ui .opblock .opblock-summary-description { flex-basis: 100%; padding: 4px 8px; }
  .swagger-ui .parameters-container, .swagger-ui .responses-inner, .swagger-ui .table-container { padding: 8px; overflow-x: auto; }
  .swagger-ui table.parameters thead { display: none; }
  .swagger-ui table.parameters tr, .swagger-ui table.parameters td { display: block; width: auto; max-width: 100%; padding: 4px 0; }
  .swagger-ui .parameters-col_description input, .swagger-ui .parameters-col_description select,
  .swagger-ui .parameters-col_description textarea { width: 100%; max-width: 100%; box-sizing: border-box; font-size: 16px; }
  .swagger-ui .execute-wrapper, .swagger-ui .btn-group { padding: 8px; }
  .swagger-ui .dialog-ux .modal-ux { min-width: 0; width: 94vw; }
}
`

/** The sign of this service: what stays of each byte, in bars. */
export const icon = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect width="16" height="16" rx="3" fill="#1f2937"/>
<path d="M3 12h2V8H3zm4 0h2V5H7zm4 0h2V3h-2z" fill="#f9fafb"/></svg>`
