"""Long work for holders: exports and imports in a process each, started by the web role; extracts in a role (ADR 15).

`task` is what such a process is told, `child` the process, `launcher` starts it, `progress` says how far it is,
`tidy` takes away what nobody fetches; `exporting`, `importing` and `extracting` are the work.
"""
