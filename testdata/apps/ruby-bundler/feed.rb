require "rack"
require "nokogiri"

doc = Nokogiri::XML("<feed><entry>eins</entry><entry>zwei</entry></feed>")
puts doc.xpath("//entry").map(&:text).join(" ")
puts Rack::Utils.build_query(b: 2)
puts Bundler.default_gemfile
