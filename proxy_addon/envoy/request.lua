-- Translates what a request says of the page that it comes from into the site's own words, as rewrite/mount.py does.
local UPSTREAM, SCHEME = "@UPSTREAM@", "@SCHEME@"

local function move(headers, name, public)
  local value = headers:get(name)
  if value and value:sub(1, #public):lower() == public:lower() then
    local rest = value:sub(#public + 1)
    if rest == "" or rest:find("^[/?#]") then
      headers:replace(name, UPSTREAM .. rest)
    end
  end
end

function envoy_on_request(handle)
  local headers = handle:headers()
  local public = SCHEME .. "://" .. (headers:get(":authority") or "")
  move(headers, "origin", public)
  move(headers, "referer", public)
  local cookie = headers:get("cookie")
  if cookie and cookie:lower():find("consentry-", 1, true) then
    cookie = (";" .. cookie):gsub("(;%s*)[cC][oO][nN][sS][eE][nN][tT][rR][yY]%-([hHsS][oOeE][sScC]%a*)%-", function(before, name)
      local kind = name:lower()
      if kind == "host" or kind == "secure" then
        return before .. "__" .. name .. "-"
      end
    end)
    headers:replace("cookie", cookie:sub(2))
  end
end
