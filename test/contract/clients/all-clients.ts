import { aiSdkClient } from './ai-sdk-client.ts'
import { anthropicClient } from './anthropic-client.ts'
import type { Client } from './client.ts'
import { langchainClient } from './langchain-client.ts'
import { openaiClient } from './openai-client.ts'
import { openaiResponsesClient } from './openai-responses-client.ts'

/** The clients that every release must work with; one of them by two APIs. */
export const CLIENTS: readonly Client[] = [openaiClient, openaiResponsesClient, aiSdkClient, langchainClient, anthropicClient]
