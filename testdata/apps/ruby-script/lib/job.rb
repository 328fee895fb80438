class Job; end
