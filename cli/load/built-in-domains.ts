import type { Domain } from './mix.ts'

/**
 * Beginnings of seven kinds of text, for the demo model: each kind prefers other experts, so a mix that shifts moves the heat.
 * Written for this file. A prompt is one or more of a domain's fragments, so a few give many prompts (prompts.ts).
 */
export const BUILT_IN_DOMAINS: Readonly<Record<string, Domain>> = {
  story: {
    prompts: [
      'Once upon a time, there was a little girl named Mia who lived near a quiet lake.',
      'Tom had a small red boat. Every morning he took it down to the pond behind the house.',
      'One day, a brown bear and a tiny mouse met under an old oak tree.',
      'Anna and her brother found a shiny key in the garden. They did not know what it could open.',
      'The old lighthouse keeper had a cat that was afraid of the sea.',
      'It was raining, and the children could not go to the park. So they built a castle out of pillows.',
      'Deep in the forest there was a door, and behind the door somebody was singing.',
      'Ben wanted to bake a cake for his grandmother, but there was no flour left in the kitchen.',
    ],
  },
  verse: {
    prompts: [
      '1 And it came to pass in those days, that a shepherd went up into the mountain to pray.\n2 And he said unto the people,',
      '1 Hear, O ye rivers, and give ear, ye hills: for the voice of the morning is gone forth.\n2 Who shall stand',
      '1 Blessed is the man that keepeth his word, and walketh not in the way of the proud.\n2 He shall be like',
      'My lord, the night is dark, the watch is set,\nAnd on the walls I hear the sentry call:\nWhat news',
      '1 Now these are the names of the sons of the potter, which dwelt beyond the river.\n2 The first begat',
      'O gentle wind, that bearest home the sail,\nTell thou the queen that all her ships are lost:\nFor',
    ],
  },
  chat: {
    completion: { before: '<|im_start|>user\n', after: '<|im_end|>\n<|im_start|>assistant\n' },
    prompts: [
      'Tell me a short story about a fox and a well.',
      'What are three things that I need for a picnic?',
      'Please explain why the sky is blue, in simple words.',
      'A baker sells 12 loaves in the morning and 18 in the afternoon. How many loaves is that in all?',
      'Rewrite this sentence so that it is polite: Give me the book.',
      'Give me a list of five animals that live in the sea.',
      'Write a short letter to a friend who moved to another town.',
    ],
  },
  math: {
    prompts: [
      'Question: A box holds 24 pencils. Lena has 5 boxes and gives away 17 pencils. How many pencils are left?\nAnswer:',
      'Question: A train travels 60 miles an hour for 3 hours and then 40 miles an hour for 2 hours. How far does it go?\nAnswer:',
      'Question: Paul earns $12 an hour and works 8 hours on each of 5 days. How much does he earn?\nAnswer:',
      'Question: Half of the 90 seats in a hall are taken. Then 15 more people sit down. How many seats are free?\nAnswer:',
      'Question: Sara reads 30 pages a day. Her book has 420 pages. How many days does she need?\nAnswer:',
      'Question: There are 7 shelves with 16 jars each. 20 percent of the jars are empty. How many are full?\nAnswer:',
    ],
  },
  code: {
    prompts: [
      'def binary_search(items: list[int], target: int) -> int:\n    """Return the index of target in a sorted list, or -1."""\n    low, high = 0,',
      'import math\n\n\ndef is_prime(number: int) -> bool:\n    """Check whether a number is prime.\n\n    >>> is_prime(7)\n    True\n    """\n    if number < 2:\n',
      "import { describe, expect, it } from 'vitest'\n\ndescribe('queue', () => {\n  it('gives items back in order', () => {\n    const queue = new Queue<number>()\n",
      'class LinkedList:\n    def __init__(self) -> None:\n        self.head = None\n\n    def insert(self, data) -> None:\n',
      'export interface Options {\n  readonly timeout?: number\n}\n\nexport function createClient(options: Options = {}) {\n  const timeout = options.timeout ??',
      'function debounce(func, wait) {\n  let timer = null\n  return function (...args) {\n    if (timer) {\n      clearTimeout(timer)\n    }\n',
      'def shortest_path(graph, source):\n    """Dijkstra with a heap."""\n    distances = {node: float("inf") for node in graph}\n',
    ],
  },
  french: {
    prompts: [
      "Le lendemain matin, la vieille dame ouvrit la fenêtre et regarda longtemps la rue déserte. Elle se disait qu'",
      'Il était une fois, dans un village au bord de la mer, un pêcheur qui avait trois fils. Le plus jeune',
      "Monsieur, répondit-il en souriant, je n'ai jamais vu cette maison, et pourtant il me semble que",
      "La pluie tombait depuis deux jours, et le chemin n'était plus qu'une rivière de boue. Les chevaux",
      "Elle prit la lettre, la lut deux fois, puis elle s'assit près du feu sans dire un mot. Son frère",
      'Quand les enfants furent couchés, le père alluma sa pipe et commença à raconter comment',
    ],
  },
  german: {
    prompts: [
      'Es war einmal ein armer Müller, der hatte nichts als seine Mühle und einen alten Esel. Eines Tages',
      'Der Wirt stand in der Tür und sah den Reisenden entgegen, die langsam den Berg heraufkamen. „Guten Abend“, sagte er,',
      'Als die Sonne hinter dem Wald verschwunden war, setzte sich das Mädchen an den Brunnen und dachte',
      'Niemand im Dorf wusste, woher der Fremde gekommen war, und er selbst sprach nicht davon. Nur der Pfarrer',
      'Die Mutter legte das Buch zur Seite und blickte aus dem Fenster, denn auf der Straße war ein Wagen',
      'In der Stadt lebte ein Uhrmacher, der so genau arbeitete, dass man seine Uhren bis nach',
    ],
  },
}
