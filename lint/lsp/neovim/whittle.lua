-- Starts whittle lsp for Dockerfiles, Compose, Bake and ignore files. Since
-- Neovim 0.11 this file is lsp/whittle.lua of the runtime path, for
-- vim.lsp.enable("whittle"); older ones give the table to vim.lsp.start.
return {
  name = "whittle",
  cmd = { "whittle", "lsp" },
  filetypes = { "dockerfile", "dockerignore", "yaml.docker-compose", "hcl.docker-bake" },
  root_markers = { ".whittle.yaml", ".git" },
}
