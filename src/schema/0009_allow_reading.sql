ALTER TABLE server ADD COLUMN allow_resources INTEGER;
ALTER TABLE server ADD COLUMN allow_prompts INTEGER;
