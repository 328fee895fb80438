require "sinatra/base"
require "json"
require "yaml"
require "openssl"

class Shop < Sinatra::Base
  set :environment, :production

  get "/" do
    content_type :json
    JSON.generate(yaml: YAML.load("a: [1, 2]"), digest: OpenSSL::Digest::SHA256.hexdigest("x")[0, 8], home: Dir.home != "/")
  end

  get "/page" do
    erb :page, locals: { name: params["name"] }
  end
end
