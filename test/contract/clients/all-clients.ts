import { aiSdkClient } from './ai-sdk-client.ts'
import { aiSdkTools } from './ai-sdk-tools.ts'
import { anthropicClient } from './anthropic-client.ts'
import { anthropicTools } from './anthropic-tools.ts'
import type { Client } from './client.ts'
import { langchainClient } from './langchain-client.ts'
import { langchainTools } from './langchain-tools.ts'
import { openaiClient } from './openai-client.ts'
import { openaiResponsesClient } from './openai-responses-client.ts'
import { openaiResponsesTools } from './openai-responses-tools.ts'
import { openaiTools } from './openai-tools.ts'
import type { ToolClient } from './tool-client.ts'

/** The clients that every release must work with; one of them by two APIs. */
export const CLIENTS: readonly Client[] = [openaiClient, openaiResponsesClient, aiSdkClient, langchainClient, anthropicClient]

/** Their ways to structured answers and tools. */
export const TOOL_CLIENTS: readonly ToolClient[] = [openaiTools, openaiResponsesTools, aiSdkTools, langchainTools, anthropicTools]
