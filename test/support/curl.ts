/** What a terminal would do with a curl line of the documents, on machines without curl too: the answer's JSON, or an empty object. */
export async function paste(line: string, variables: Record<string, string> = {}): Promise<unknown> {
  const [curl, ...words] = wordsOf(line, variables)
  if (curl !== 'curl') throw new Error(`no curl line: ${line}`)
  const headers = new Headers()
  let method = ''
  let url = ''
  let body: string | undefined
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    if (word === '-X') method = words.shift() ?? ''
    else if (word === '-d') body = words.shift() ?? ''
    else if (word === '-H') {
      const [, name = '', value = ''] = /^([^:]+): (.*)$/.exec(words.shift() ?? '') ?? []
      headers.set(name, value)
    } else if (word.startsWith('-') || url !== '') throw new Error(`${word} in ${line} is not understood`)
    else url = word
  }
  if (body !== undefined && !headers.has('content-type')) {
    headers.set('content-type', 'application/x-www-form-urlencoded')
  }
  method ||= body === undefined ? 'GET' : 'POST'
  const answer = await fetch(url, { method, headers, ...(body === undefined ? {} : { body }) })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`${line} is answered with ${answer.status}: ${text}`)
  return answer.status === 204 ? {} : JSON.parse(text)
}

/** The curl lines in the shell blocks of a Markdown document. */
export function curlLinesOf(markdown: string): string[] {
  return [...markdown.matchAll(/```sh\n(.*?)```/gs)]
    .flatMap(([, block = '']) => block.replaceAll('\\\n', ' ').split('\n'))
    .filter((line) => line.startsWith('curl '))
}

/** The words of a line, as a shell reads it: both quotes, and variables outside of the single ones. */
function wordsOf(line: string, variables: Record<string, string>): string[] {
  const words = [...line.trim().matchAll(/(?:'[^']*'|"[^"]*"|[^\s'"])+/g)]
  const pieces = /'([^']*)'|"([^"]*)"|([^'"]+)/g
  const expand = (text: string) => text.replace(/\$(\w+)/g, (_, name: string) => variables[name] ?? '')
  return words.map(([word]) =>
    [...word.matchAll(pieces)]
      .map(([, single, double, bare]) => single ?? expand(double ?? bare ?? ''))
      .join(''),
  )
}
