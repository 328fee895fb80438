-- Opens a Dockerfile in Neovim with whittle lsp of the PATH and uses what it
-- shows: nvim --headless -u NONE -S lint/lsp/neovim/test.lua
local here = vim.fn.fnamemodify(debug.getinfo(1, "S").source:sub(2), ":p:h")

local function check()
  local config = dofile(here .. "/whittle.lua")
  local dir = vim.fn.tempname()
  vim.fn.mkdir(dir, "p")
  local path = dir .. "/Dockerfile"
  vim.fn.writefile({ "FROM debian:bookworm-slim", "MAINTAINER me@example.test", 'CMD ["sh"]' }, path)
  vim.cmd("edit " .. path)
  local buffer = vim.api.nvim_get_current_buf()

  config.root_dir = dir
  local id = assert(vim.lsp.start_client(config), "whittle lsp does not start")
  assert(vim.lsp.buf_attach_client(buffer, id), "the buffer is not attached")
  local client = vim.lsp.get_client_by_id(id)

  --- Waits until the findings of the buffer have a rule, or lack it.
  local function wait(rule, present)
    local ok = vim.wait(10000, function()
      for _, d in ipairs(vim.diagnostic.get(buffer)) do
        if d.code == rule then return present end
      end
      return not present
    end, 50)
    assert(ok, ("%s: present is not %s: %s"):format(rule, present, vim.inspect(vim.diagnostic.get(buffer))))
  end

  --- The result of a request about the second line.
  local function request(method, params)
    params.textDocument = { uri = vim.uri_from_bufnr(buffer) }
    local answer, err = client.request_sync(method, params, 10000, buffer)
    assert(answer and not answer.err, method .. ": " .. vim.inspect(err or answer))
    return answer.result
  end

  wait("maintainer", true)
  local hover = request("textDocument/hover", { position = { line = 1, character = 2 } })
  assert(vim.inspect(hover.contents):find("maintainer", 1, true), "no page of the rule in " .. vim.inspect(hover))

  local range = { start = { line = 1, character = 0 }, ["end"] = { line = 1, character = 5 } }
  local actions = request("textDocument/codeAction", { range = range, context = { diagnostics = {} } })
  local fixed = false
  for _, action in ipairs(actions) do
    if action.edit and not fixed and not action.title:lower():find("ignore") then
      vim.lsp.util.apply_workspace_edit(action.edit, client.offset_encoding)
      fixed = true
    end
  end
  assert(fixed, "no fix among " .. vim.inspect(actions))
  wait("maintainer", false)
  assert(not vim.api.nvim_buf_get_lines(buffer, 1, 2, true)[1]:find("MAINTAINER"), "the line is not changed")

  vim.lsp.stop_client(id)
  assert(vim.wait(5000, function() return client.is_stopped() end, 50), "whittle lsp does not end")
  vim.fn.delete(dir, "rf")
end

local ok, err = xpcall(check, debug.traceback)
io.stdout:write(ok and "neovim: ok\n" or ("neovim: " .. tostring(err) .. "\n"))
vim.cmd(ok and "qall!" or "cquit!")
