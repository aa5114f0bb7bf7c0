"""Voice agents: Retell's custom functions and Vapi's tool calls, each answered in time with one fixed sentence."""
